"""Signs the tokens of cases: by the issuers that every case finds, by a stranger, or not at all.

    "signed": {"token": {"by": "layer" | "native" | "stranger" | "nobody" | "public key",
                         "header": {"kid": "key-1"},
                         "claims": {"iat": 0, "exp": 300}}}

`iat`, `nbf` and `exp` are seconds from now where they are whole numbers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from heliograph.core.identity.issuers import IssuerDraft
from heliograph.core.ids import spell, uuid_text
from heliograph.core.model.identity import SessionForm
from heliograph.core.model.issuer import KeyAlgorithm
from heliograph.security.jwt import sign_jwt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal
    from heliograph.wiring import Stack

LAYER_PROVIDER = "layer:///providers/3f2a3e5c-0e6d-11e6-9b6e-0242ac110002"
NATIVE_ISSUER = "https://id.example.com"
KEY_ID = "key-1"

_TIMES = ("iat", "nbf", "exp")


async def furnish_issuers(
    stack: Stack, principal: Principal, application: Application
) -> dict[str, str]:
    """Let an application trust a Layer provider and an issuer of its own."""
    names = ((SessionForm.LAYER, LAYER_PROVIDER), (SessionForm.NATIVE, NATIVE_ISSUER))
    variables = {
        "layer_app": uuid_text(application.id),
        "layer_provider": LAYER_PROVIDER,
        "native_issuer": NATIVE_ISSUER,
        "public_key": public_pem("stranger"),
    }
    for form, name in names:
        keys = ((KEY_ID, KeyAlgorithm.RS256, public_pem(form.value)),)
        issuer = await stack.core.issuers.add(
            principal, application, IssuerDraft(form, name, keys=keys)
        )
        variables[f"{form.value}_issuer_id"] = spell("issuer", issuer.id)
    shut = await stack.core.applications.create(application.account_id, "suspended")
    await stack.core.applications.suspend(principal, shut, is_suspended=True)
    keys = ((KEY_ID, KeyAlgorithm.RS256, public_pem("layer")),)
    draft = IssuerDraft(SessionForm.LAYER, LAYER_PROVIDER, keys=keys)
    await stack.core.issuers.add(principal, shut, draft)
    return variables | {"suspended_app": uuid_text(shut.id)}


def signed(wanted: Mapping[str, Any]) -> dict[str, str]:
    """Sign what a case asks for, by its name."""
    return {name: token_of(**each) for name, each in wanted.items()}


def token_of(by: str, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    now = int(time.time())
    filled = {
        name: now + value if name in _TIMES and type(value) is int else value
        for name, value in claims.items()
    }
    match by:
        case "nobody":
            return f"{_part({'alg': 'none', **header})}.{_part(filled)}."
        case "public key":
            text = f"{_part({'alg': 'HS256', **header})}.{_part(filled)}"
            secret = public_pem("layer").encode()
            mac = hmac.digest(secret, text.encode(), hashlib.sha256)
            return f"{text}.{_base64url(mac)}"
        case _:
            key_id = header.get("kid")
            return sign_jwt(filled, algorithm="RS256", key_id=key_id, key_pem=private_pem(by))


@cache
def _key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def private_pem(name: str) -> str:
    """The private key of an issuer, PKCS#8."""
    return _key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(name: str) -> str:
    """The public key of an issuer."""
    public = _key(name).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _part(value: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(value).encode())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

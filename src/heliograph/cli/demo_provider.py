"""The demo's Layer provider: who signs its users in, with a private key for everybody to try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from heliograph.core.identity.issuers import IssuerDraft
from heliograph.core.ids import Id, uuid_text
from heliograph.core.model.identity import ALL_SCOPES, ApiClient, ClientPrincipal, SessionForm
from heliograph.core.model.issuer import KeyAlgorithm
from heliograph.security.private_keys import read_private_key

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.application import Application

_RSA_BITS = 2048


async def layer_provider(
    core: Core, application: Application, known: dict[str, Any]
) -> dict[str, str]:
    """Answer the provider that the application trusts, a new one if its key is lost."""
    operator = ClientPrincipal(
        ApiClient(Id(bytes(16)), application.account_id, "demo", ALL_SCOPES, core.clock.now())
    )
    section = known.get("layer")
    facts = section if isinstance(section, dict) else {}
    pem = facts.get("private_key")
    key = read_private_key(pem) if isinstance(pem, str) else None
    present = [
        issuer
        for issuer in await core.issuers.all_of(operator, application)
        if issuer.form is SessionForm.LAYER
    ]
    for issuer in present:
        if isinstance(key, RSAPrivateKey) and [k.public_key for k in issuer.keys] == [_public(key)]:
            return _facts(application, issuer.name, issuer.keys[0].key_id, key)
        await core.issuers.remove(operator, application, issuer.id)
    name, key_id = f"layer:///providers/{uuid4()}", f"layer:///keys/{uuid4()}"
    new = generate_private_key(65537, _RSA_BITS)
    draft = IssuerDraft(SessionForm.LAYER, name, keys=((key_id, KeyAlgorithm.RS256, _public(new)),))
    await core.issuers.add(operator, application, draft)
    return _facts(application, name, key_id, new)


def _facts(
    application: Application, provider_id: str, key_id: str, key: RSAPrivateKey
) -> dict[str, str]:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "app_id": f"layer:///apps/staging/{uuid_text(application.id)}",
        "provider_id": provider_id,
        "key_id": key_id,
        "private_key": pem,
    }


def _public(key: RSAPrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

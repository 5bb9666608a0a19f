"""Secrets and signatures of webhooks.

Source: Standard Webhooks 1.0.0, "Signature scheme".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.webhook import FormerSecret, WebhookSecrets

if TYPE_CHECKING:
    from datetime import datetime

PREFIX = "whsec_"
_NEW_BYTES = 32
_LEAST_BYTES, _MOST_BYTES = 24, 64


def new_secret() -> str:
    """Make a secret of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_NEW_BYTES)).decode()


def check_secret(secret: str) -> str:
    """Let a secret pass that a customer brings along; raises InvalidRequest."""
    try:
        size = len(_key_of(secret)) if secret.startswith(PREFIX) else 0
    except (binascii.Error, ValueError):
        size = 0
    if not _LEAST_BYTES <= size <= _MOST_BYTES:
        expected = f"{PREFIX} and base64 of {_LEAST_BYTES} to {_MOST_BYTES} bytes"
        raise InvalidRequest([Problem(("secret",), ProblemKind.MALFORMED, expected)])
    return secret


def signature(held: WebhookSecrets, message_id: str, body: bytes, *, at: datetime) -> str:
    """Sign one try; one signature for each secret that counts now, blanks between.

    body: the very bytes that are sent. at: the `webhook-timestamp`.
    """
    signed = f"{message_id}.{timestamp(at)}.".encode() + body
    valid = [held.secret]
    if held.former is not None and at < held.former.until:
        valid.append(held.former.secret)
    return " ".join(
        "v1," + base64.b64encode(hmac.digest(_key_of(each), signed, hashlib.sha256)).decode()
        for each in valid
    )


def timestamp(at: datetime) -> int:
    """Say an instant in whole seconds since 1970."""
    return int(at.timestamp())


def pack(held: WebhookSecrets) -> bytes:
    """Spell secrets to be sealed."""
    former = held.former and [held.former.secret, to_ms(held.former.until)]
    return json.dumps({"secret": held.secret, "former": former, "basic": held.basic}).encode()


def unpack(plain: bytes) -> WebhookSecrets:
    """Read what `pack` spelled."""
    value = json.loads(plain)
    former = value["former"] and FormerSecret(value["former"][0], from_ms(value["former"][1]))
    return WebhookSecrets(value["secret"], former, value["basic"])


def _key_of(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)

"""Who sends, as a push service checks it.

Source: RFC 8292, sections 2 to 4; docs/providers/webpush.md, "Authentication".
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec

from heliograph.simulators.jws import is_signed_es256, take_apart, whole_seconds

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.simulators.jws import Jws

_LONGEST_S: Final = 86_400
_credentials: Final = re.compile(
    rb"vapid +t=([A-Za-z0-9_.-]+) *, *k=([A-Za-z0-9_-]+)", re.IGNORECASE
).fullmatch
_is_contact: Final = re.compile(
    r"(?:mailto:[^@ ]+@[^@ ]+\.[^@ ]+|https://[^/ ]+\.[^/ ]+.*)"
).fullmatch


class Sender(NamedTuple):
    """Who proved to send. public: the key as it was spelled."""

    public: str


def sender_of(authorization: bytes, origin: str, *, now: datetime) -> Sender | str:
    """Say who sends, or why nobody knows. origin: the push service's own."""
    match = _credentials(authorization.strip())
    if match is None:
        return "Missing or unreadable VAPID authorization"
    jws, key = take_apart(match[1]), _public_key(match[2])
    if jws is None or key is None:
        return "The token or its key can't be read"
    if not is_signed_es256(jws, key):
        return "The signature does not fit the key"
    return _claim_problem(jws, origin, now=now) or Sender(match[2].decode("ascii"))


def _claim_problem(jws: Jws, origin: str, *, now: datetime) -> str | None:
    if jws.claims.get("aud") != origin:
        return "aud is not this push service"
    expires_at = whole_seconds(jws.claims.get("exp"))
    left_s = 0.0 if expires_at is None else expires_at - now.timestamp()
    if not 0 < left_s <= _LONGEST_S:
        return "exp must be within 24 hours"
    contact = jws.claims.get("sub")
    if not isinstance(contact, str) or _is_contact(contact) is None:
        return "sub must be a mailto: or https: address"
    return None


def _public_key(text: bytes) -> ec.EllipticCurvePublicKey | None:
    try:
        point = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except (binascii.Error, ValueError):
        return None

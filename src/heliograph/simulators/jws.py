"""Signed tokens as the providers read them.

Written against `cryptography` alone: a fake that checked our signatures with the code that
made them would share its mistakes.

Source: RFC 7515, section 5.2; RFC 7518, sections 3.3 and 3.4.
"""

import base64
import binascii
import json
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

_ES256_HALF_SIZE: Final = 32
_PARTS: Final = 3


class Jws(NamedTuple):
    """A compact token taken apart, its signature not yet checked."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def take_apart(token: bytes) -> Jws | None:
    """Split and decode a compact token; None if it is none."""
    parts = token.split(b".")
    if len(parts) != _PARTS:
        return None
    try:
        header, claims, signature = (_decode(part) for part in parts)
        read_header, read_claims = json.loads(header), json.loads(claims)
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(read_header, dict) or not isinstance(read_claims, dict):
        return None
    return Jws(read_header, read_claims, parts[0] + b"." + parts[1], signature)


def is_signed_es256(jws: Jws, key: ec.EllipticCurvePublicKey) -> bool:
    """Say whether the token says ES256 and this key signed it."""
    if jws.header.get("alg") != "ES256" or len(jws.signature) != 2 * _ES256_HALF_SIZE:
        return False
    halves = jws.signature[:_ES256_HALF_SIZE], jws.signature[_ES256_HALF_SIZE:]
    signature = encode_dss_signature(*(int.from_bytes(half, "big") for half in halves))
    try:
        key.verify(signature, jws.signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def is_signed_rs256(jws: Jws, key: rsa.RSAPublicKey) -> bool:
    """Say whether the token says RS256 and this key signed it."""
    if jws.header.get("alg") != "RS256":
        return False
    try:
        key.verify(jws.signature, jws.signed, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def whole_seconds(claim: Any) -> int | None:
    """Read a NumericDate claim; None if it is none."""
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        return None
    try:
        return int(claim)
    except (OverflowError, ValueError):  # infinite, or not a number
        return None


def _decode(part: bytes) -> bytes:
    # `altchars` alone would skip foreign characters in silence.
    translated = part.translate(bytes.maketrans(b"-_", b"+/"))
    return base64.b64decode(translated + b"=" * (-len(part) % 4), validate=True)

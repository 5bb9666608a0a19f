"""Messages that only one subscription's browser can read: aes128gcm, one record.

ECDH and AES-GCM are `cryptography`'s. HKDF is two HMACs, for which the standard
library's one-shot `hmac.digest` costs half of what an object per step does.

Source: RFC 8291, section 3.4; RFC 8188, section 2.
"""

from __future__ import annotations

import os
from hmac import digest
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from heliograph.providers.webpush.base64url import decoded

RECORD_BYTES: Final = 4096
"""What push services have to take, and so the record size. Source: RFC 8030, section 7.2."""

HEADER_BYTES: Final = 86
OVERHEAD_BYTES: Final = HEADER_BYTES + 17
"""Header, delimiter and the cipher's tag."""

LONGEST_PLAINTEXT_BYTES: Final = RECORD_BYTES - OVERHEAD_BYTES

AUTH_BYTES: Final = 16
POINT_BYTES: Final = 65
_SALT_BYTES: Final = 16
_UNCOMPRESSED: Final = 4

_CURVE: Final = ec.SECP256R1()
_ECDH: Final = ec.ECDH()
_X962: Final = Encoding.X962
_POINT: Final = PublicFormat.UncompressedPoint
_load_point: Final = ec.EllipticCurvePublicKey.from_encoded_point
_draw_key: Final = ec.generate_private_key
_HASH: Final = "sha256"

# Each ends in HKDF's counter: one block is all that any of them needs.
_KEY_INFO: Final = b"WebPush: info\0"
_CEK_INFO: Final = b"Content-Encoding: aes128gcm\0\1"
_NONCE_INFO: Final = b"Content-Encoding: nonce\0\1"
_SIZES: Final = RECORD_BYTES.to_bytes(4, "big") + bytes([POINT_BYTES])


class Receiver(NamedTuple):
    """A subscription's keys. point: 65 bytes, a public key; auth: 16 bytes, secret."""

    point: bytes
    auth: bytes

    def __repr__(self) -> str:
        """Keep the secret."""
        return "Receiver(…)"


def read_point(p256dh: str) -> bytes | None:
    """Read a subscription's public key; None for what is no uncompressed point of 65 bytes.

    Whether it lies on the curve is seen at its use, or by `is_on_curve`.
    """
    point = decoded(p256dh)
    if point is None or len(point) != POINT_BYTES or point[0] != _UNCOMPRESSED:
        return None
    return point


def is_on_curve(point: bytes) -> bool:
    """Say whether a point is one of P-256."""
    try:
        _load_point(_CURVE, point)
    except ValueError:
        return False
    return True


def read_auth(auth: str) -> bytes | None:
    """Read a subscription's authentication secret; None for what is not 16 bytes."""
    secret = decoded(auth)
    return secret if secret is not None and len(secret) == AUTH_BYTES else None


def padded(plaintext: bytes, *, multiple_bytes: int, limit_bytes: int) -> bytes:
    """Append the delimiter and zeros, so that the length tells little.

    Without the delimiter it becomes a multiple, but not more than the limit.
    Source: RFC 8188, section 2.
    """
    size = len(plaintext)
    wanted = min(-(-size // multiple_bytes) * multiple_bytes, limit_bytes)
    return plaintext + b"\2" + b"\0" * (wanted - size)


def encrypt(
    record: bytes,
    receiver: Receiver,
    *,
    key: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """Encrypt a padded plaintext; answers the whole body.

    key, salt: only to repeat a known message; they must be new for each, and
    are drawn here unless given. Raises ValueError for a point off the curve.
    """
    if key is None:
        key = _draw_key(_CURVE)
    if salt is None:
        salt = os.urandom(_SALT_BYTES)
    point, auth = receiver
    sender = key.public_key().public_bytes(_X962, _POINT)
    shared = key.exchange(_ECDH, _load_point(_CURVE, point))
    base = digest(digest(auth, shared, _HASH), _KEY_INFO + point + sender + b"\1", _HASH)
    extracted = digest(salt, base, _HASH)
    content_key = digest(extracted, _CEK_INFO, _HASH)[:16]
    nonce = digest(extracted, _NONCE_INFO, _HASH)[:12]
    return salt + _SIZES + sender + AESGCM(content_key).encrypt(nonce, record, None)

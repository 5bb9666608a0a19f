"""The receiving end: a browser's subscription, which reads what was encrypted for it.

Written against `cryptography` and the RFCs alone: a fake that decrypted with the code that
encrypted would share its mistakes.

Source: RFC 8291, section 3; RFC 8188, section 2.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_SALT_BYTES: Final = 16
_PLACE_OF_SENDER: Final = 21
_POINT_BYTES: Final = 65
_SMALLEST_RECORD: Final = 18
_LAST_RECORD: Final = 2


class UnreadableMessage(Exception):
    """A body that a browser would throw away; the text says why."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a page got from its browser. vapid_key: the only one that may send to it, or None."""

    endpoint: str
    vapid_key: str | None
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    auth: bytes = field(repr=False)

    @classmethod
    def make(cls, endpoint: str, vapid_key: str | None) -> Subscription:
        """Draw the keys of a new one."""
        key = ec.generate_private_key(ec.SECP256R1())
        return cls(endpoint, vapid_key, key, secrets.token_bytes(16))

    @property
    def public(self) -> bytes:
        """The point that messages are encrypted for."""
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def to_json(self) -> dict[str, Any]:
        """Say it as `PushSubscription.toJSON()` does."""
        keys = {"p256dh": _base64url(self.public), "auth": _base64url(self.auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def read(self, body: bytes) -> bytes:
        """Decrypt a message; raises UnreadableMessage."""
        size = int.from_bytes(body[_SALT_BYTES : _SALT_BYTES + 4], "big")
        start = _PLACE_OF_SENDER + _POINT_BYTES
        if len(body) <= start or body[_PLACE_OF_SENDER - 1] != _POINT_BYTES:
            raise UnreadableMessage("no header of aes128gcm with a P-256 key in it")
        record = body[start:]
        if size < _SMALLEST_RECORD or len(record) > size:
            raise UnreadableMessage("more than one record")
        salt, sender = body[:_SALT_BYTES], body[_PLACE_OF_SENDER:start]
        try:
            other = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        except ValueError as error:
            raise UnreadableMessage("the sender's key is off the curve") from error
        shared = self.key.exchange(ec.ECDH(), other)
        about = b"WebPush: info\0" + self.public + sender
        material = HKDF(SHA256(), 32, self.auth, about).derive(shared)
        content_key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(material)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(material)
        try:
            padded = AESGCM(content_key).decrypt(nonce, record, None)
        except InvalidTag as error:
            raise UnreadableMessage("encrypted for somebody else") from error
        plain = padded.rstrip(b"\0")
        if not plain or plain[-1] != _LAST_RECORD:
            raise UnreadableMessage("the record does not end as the last one does")
        return plain[:-1]


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")

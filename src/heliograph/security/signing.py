"""Signing of short values that come back to us: nonces, cursors.

A signed text is `payload.signature`, both in base64url without padding. It
hides nothing; it only proves that we made it, and for which purpose.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heliograph.security.sealing import KeyRing, MasterKey

_SIGNATURE_BYTES = 16
"""Half of SHA-256: 128 bits can't be guessed, and nonces travel in headers.

Source: RFC 2104 section 5.
"""


class HmacSigner:
    """Signs with the newest key, accepts every key's. Satisfies `ports.Signer`."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def sign(self, purpose: str, payload: bytes) -> str:
        """Spell a payload with its signature in letters, digits and `-_.`."""
        return _signed(self._ring.keys[0], purpose, payload)

    def verify(self, purpose: str, text: str) -> bytes | None:
        """Answer the payload if we signed it for this purpose, else None.

        The whole text is compared, not the decoded signature: base64 has
        several spellings of the same bytes, and a nonce respelled must not
        pass for one that was never spent.
        """
        payload = _payload_of(text)
        if payload is None:
            return None
        given = text.encode()
        for key in self._ring.keys:
            if hmac.compare_digest(_signed(key, purpose, payload).encode(), given):
                return payload
        return None

    def mac(self, purpose: str, message: bytes) -> bytes:
        """Authenticate a message whose form is a vendor's; 32 bytes."""
        return _mac(self._ring.keys[0], purpose, message)

    def is_mac(self, purpose: str, message: bytes, mac: bytes) -> bool:
        """Say whether these are the first bytes of a message's MAC, by any key of ours.

        Fewer than half of them prove nothing.
        """
        if len(mac) < _SIGNATURE_BYTES:
            return False
        return any(
            hmac.compare_digest(_mac(key, purpose, message)[: len(mac)], mac)
            for key in self._ring.keys
        )


def _mac(key: MasterKey, purpose: str, message: bytes) -> bytes:
    return hmac.digest(key.derive(f"mac:{purpose}"), message, hashlib.sha256)


def _signed(key: MasterKey, purpose: str, payload: bytes) -> str:
    digest = hmac.digest(key.derive(f"signing:{purpose}"), payload, hashlib.sha256)
    return f"{_spell(payload)}.{_spell(digest[:_SIGNATURE_BYTES])}"


def _spell(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _payload_of(text: str) -> bytes | None:
    if not text.isascii():
        return None
    letters = text.partition(".")[0]
    try:
        return base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
    except binascii.Error:
        return None

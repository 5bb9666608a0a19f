"""Sealing: AES-256-GCM under a ring of keys, the newest of which seals.

A sealed text is a version byte, the id of its key (4 bytes), a random nonce
(12 bytes) and the ciphertext with its tag (16 bytes). Version, key id and the
caller's context are authenticated with it, so that a sealed text moved to
another row does not open.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from heliograph.security import key_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_VERSION = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEAD_BYTES = len(_VERSION) + _KEY_ID_BYTES
_SHORTEST = _HEAD_BYTES + _NONCE_BYTES + _TAG_BYTES


class MasterKey:
    """One key of the ring. It does no work itself: each use derives its own key."""

    def __init__(self, secret: bytes) -> None:
        self.id = hashlib.sha256(b"heliograph key id\0" + secret).digest()[:_KEY_ID_BYTES]
        self._secret = secret
        self._derived: dict[str, bytes] = {}

    def derive(self, use: str) -> bytes:
        """Answer the 32-byte key of one use, the same at every call."""
        key = self._derived.get(use)
        if key is None:
            key = HKDF(SHA256(), key_file.KEY_BYTES, salt=None, info=use.encode()).derive(
                self._secret
            )
            self._derived[use] = key
        return key


class KeyRing:
    """Seals with the newest key, unseals with any. Satisfies `ports.Sealer`."""

    def __init__(self, secrets: Iterable[bytes], path: Path | None = None) -> None:
        self._path = path
        self._hold(secrets)

    @classmethod
    def load(cls, path: Path) -> KeyRing:
        """Read the key file, or make it at the first start; raises KeyFileError."""
        return cls(key_file.read_or_make(path), path)

    @property
    def keys(self) -> tuple[MasterKey, ...]:
        """Every key, the newest first."""
        return self._keys

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt; `context` must be the same to open it again."""
        key = self._keys[0]
        head = _VERSION + key.id
        # Random nonces are safe for 2**32 texts per key; we seal a few per customer.
        nonce = os.urandom(_NONCE_BYTES)
        return head + nonce + _cipher(key).encrypt(nonce, plain, head + context)

    def unseal(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt; raises ValueError for a wrong key, context or text."""
        if len(sealed) < _SHORTEST or not sealed.startswith(_VERSION):
            raise ValueError("not a sealed text of a version we know")
        head, rest = sealed[:_HEAD_BYTES], sealed[_HEAD_BYTES:]
        key = self._by_id.get(head[len(_VERSION) :])
        if key is None:
            raise ValueError("sealed with a key that is not in the key file")
        nonce, ciphertext = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            return _cipher(key).decrypt(nonce, ciphertext, head + context)
        except InvalidTag:
            raise ValueError("sealed for another context, or tampered with") from None

    def rotate(self) -> None:
        """Add a new key, in the file and here, that seals from now on.

        The old keys stay, since older texts need them. Several nodes: rotate
        on one, then copy its file to the others before it seals anything.
        Raises KeyFileError.
        """
        if self._path is None:
            raise key_file.KeyFileError("This key ring came from no file: rotate at its source.")
        self._hold(key_file.add_key(self._path))

    def _hold(self, secrets: Iterable[bytes]) -> None:
        self._keys = tuple(MasterKey(secret) for secret in secrets)
        self._by_id = {key.id: key for key in self._keys}


def _cipher(key: MasterKey) -> AESGCM:
    return AESGCM(key.derive("sealing"))

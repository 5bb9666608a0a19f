"""Nonces: values that a client must bring back, each once, within ten minutes.

A nonce is a signed expiry time, so none is stored until it is spent: asking
for a million of them costs the server nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from heliograph.core.clock import from_ms, to_ms

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.ports import Clock, Signer
    from heliograph.core.stores.issuers import NonceStore

LIFE = timedelta(minutes=10)
"""Source: docs/dialects/layer.md, "Nonces"."""

_PURPOSE = "nonce"
_TIME_BYTES = 6
_RANDOM_BYTES = 10
_DIGEST_BYTES = 16


class Nonces:
    """Makes nonces, tells whether one is ours and still fresh, and lets each be used once."""

    def __init__(self, signer: Signer, clock: Clock, store: NonceStore | None = None) -> None:
        self._signer = signer
        self._clock = clock
        self._store = store

    def new(self) -> str:
        """Make a nonce of letters, digits and `-_.`."""
        expires_ms = to_ms(self._clock.now() + LIFE)
        raw = expires_ms.to_bytes(_TIME_BYTES, "big") + secrets.token_bytes(_RANDOM_BYTES)
        return self._signer.sign(_PURPOSE, raw)

    def is_fresh(self, nonce: str) -> bool:
        """Say whether we made this nonce and its time is not over."""
        return self._expiry_of(nonce) is not None

    async def spend(self, nonce: str) -> bool:
        """Use a nonce up; False where it is none of ours, too old, or used already.

        Of callers at once, on whichever nodes, one is told True.
        """
        expires_at = self._expiry_of(nonce)
        if expires_at is None or self._store is None:
            return False
        digest = hashlib.sha256(nonce.encode()).digest()[:_DIGEST_BYTES]
        return await self._store.spend(digest, expires_at=expires_at, now=self._clock.now())

    def _expiry_of(self, nonce: str) -> datetime | None:
        """Say when a nonce of ours is over; None for what is none, or over."""
        raw = self._signer.verify(_PURPOSE, nonce)
        if raw is None or len(raw) != _TIME_BYTES + _RANDOM_BYTES:
            return None
        expires_at = from_ms(int.from_bytes(raw[:_TIME_BYTES], "big"))
        return expires_at if expires_at > self._clock.now() else None

"""Nonces: values that a client must bring back, each once, within ten minutes.

A nonce is a signed expiry time, so none is stored until it is spent: asking
for a million of them costs the server nothing.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from heliograph.core.clock import from_ms, to_ms

if TYPE_CHECKING:
    from heliograph.core.ports import Clock, Signer

LIFE = timedelta(minutes=10)
"""Source: docs/dialects/layer.md, "Nonces"."""

_PURPOSE = "nonce"
_TIME_BYTES = 6
_RANDOM_BYTES = 10


class Nonces:
    """Makes nonces and tells whether one is ours and still fresh."""

    def __init__(self, signer: Signer, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock

    def new(self) -> str:
        """Make a nonce of letters, digits and `-_.`."""
        expires_ms = to_ms(self._clock.now() + LIFE)
        raw = expires_ms.to_bytes(_TIME_BYTES, "big") + secrets.token_bytes(_RANDOM_BYTES)
        return self._signer.sign(_PURPOSE, raw)

    def is_fresh(self, nonce: str) -> bool:
        """Say whether we made this nonce and its time is not over."""
        raw = self._signer.verify(_PURPOSE, nonce)
        if raw is None or len(raw) != _TIME_BYTES + _RANDOM_BYTES:
            return False
        return from_ms(int.from_bytes(raw[:_TIME_BYTES], "big")) > self._clock.now()

"""Remembers what issuers publish as their keys, and asks again seldom enough to bother nobody.

Anyone can send a token with a key id that nobody has heard of: were each one
a reason to ask, strangers could make us call a customer's issuer as often as
they like.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heliograph.core.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heliograph.core.model.issuer import TrustedKey
    from heliograph.core.stores.issuers import KeySets, TokenReader

LIFE_S = 600.0
"""How long a key set is believed: what an issuer withdraws is refused after that."""

ASK_EVERY_S = 60.0
"""At most one request per URL in this time, whatever is asked for and whether or not it fails."""

STALE_S = 86_400.0
"""How long an issuer that does not answer is believed by its last answer."""


@dataclass(slots=True)
class _Entry:
    keys: Sequence[TrustedKey] = ()
    fetched_at: float | None = None
    asked_at: float | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def is_younger(self, life_s: float, now_s: float) -> bool:
        return self.fetched_at is not None and now_s - self.fetched_at < life_s

    def names(self, key_id: str | None) -> bool:
        return key_id is None or any(key.key_id == key_id for key in self.keys)


class KeyCache:
    """The keys behind URLs."""

    def __init__(
        self, key_sets: KeySets, reader: TokenReader, monotonic: Callable[[], float]
    ) -> None:
        self._key_sets = key_sets
        self._reader = reader
        self._monotonic = monotonic
        self._entries: dict[str, _Entry] = {}

    async def keys(self, url: str, key_id: str | None) -> Sequence[TrustedKey]:
        """Answer a URL's keys, asked for anew where they are old or lack this one.

        Raises Unavailable where nothing is known that may still be believed.
        """
        entry = self._entries.setdefault(url, _Entry())
        if not self._is_enough(entry, key_id):
            # Whoever waits here finds what the first one fetched.
            async with entry.lock:
                if not self._is_enough(entry, key_id) and self._may_ask(entry):
                    await self._ask(entry, url)
        if not entry.is_younger(STALE_S, self._monotonic()):
            raise Unavailable("issuer's keys")
        return entry.keys

    def _is_enough(self, entry: _Entry, key_id: str | None) -> bool:
        return entry.is_younger(LIFE_S, self._monotonic()) and entry.names(key_id)

    def _may_ask(self, entry: _Entry) -> bool:
        return entry.asked_at is None or self._monotonic() - entry.asked_at >= ASK_EVERY_S

    async def _ask(self, entry: _Entry, url: str) -> None:
        entry.asked_at = self._monotonic()
        try:
            keys = self._reader.keys_of(await self._key_sets.fetch(url))
        except Unavailable:
            # What is remembered, or nothing, is all there is for now.
            return
        entry.keys, entry.fetched_at = keys, self._monotonic()

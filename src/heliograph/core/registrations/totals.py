"""How many items a list has, without counting a large one for each of its pages."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

from heliograph.core.cache import TtlCache
from heliograph.core.model.listing import Listed, Part, Window

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from heliograph.core.ports import Clock

T = TypeVar("T")

LIFE_S = 60.0
LARGE = 10_000
"""Items from which on a number is remembered: smaller lists are counted each time."""

_CRITERIA = 1000


class Totals:
    """Remembers for a minute how many items meet which criteria."""

    def __init__(self, clock: Clock) -> None:
        self._known: TtlCache[bytes, int] = TtlCache(clock.monotonic, size=_CRITERIA, ttl_s=LIFE_S)

    async def listed(
        self,
        part: Part[T],
        window: Window,
        criteria: Hashable,
        count: Callable[[], Awaitable[int]],
    ) -> Listed[T]:
        """Complete a part by its list's total. count: how to find it out."""
        # Hashed, as criteria may hold tokens, and be long.
        key = hashlib.sha256(repr(criteria).encode(errors="surrogatepass")).digest()
        total = part.total
        if total is None:
            total = self._known.get(key)
        if total is None:
            total = await count()
            if total >= LARGE:
                self._known.put(key, total)
        if part.items:
            # Others come and go while one reads: what was seen is there, and more if there is.
            total = max(total, window.offset + len(part.items) + part.has_more)
        return Listed(part.items, part.has_more, total)

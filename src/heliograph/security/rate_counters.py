"""Counting for rate limits, in memory. Satisfies `ports.RateCounters`.

The windows are those of the `limits` library. Its own store in memory reads
the wall clock and starts a thread for each ten milliseconds in which anything
is counted; ours reads the server's clock and forgets as it goes.

Source: docs/decisions/0024-logins.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from limits import RateLimitItemPerSecond
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZE = 100_000
"""Windows at once; past that the oldest is forgotten, so that memory is bounded."""


class MemoryCounters:
    """Fixed windows, each beginning with the first that is counted in it."""

    def __init__(self, monotonic: Callable[[], float], *, size: int = _SIZE) -> None:
        self._storage = _ClockedMemory(monotonic, size)
        self._windows = FixedWindowRateLimiter(self._storage)
        self._monotonic = monotonic

    def count(self, key: str, *, limit: int, period_s: int) -> float:
        """Count one; 0, or past the limit the seconds until its window ends."""
        window = RateLimitItemPerSecond(limit, period_s)
        if self._windows.hit(window, key):
            return 0.0
        return max(self._storage.get_expiry(window.key_for(key)) - self._monotonic(), 0.001)

    def clear(self, key: str, *, limit: int, period_s: int) -> None:
        """Forget what was counted."""
        self._windows.clear(RateLimitItemPerSecond(limit, period_s), key)


class _ClockedMemory(Storage):
    """Counters by key, with the second at which each begins anew."""

    STORAGE_SCHEME = None

    def __init__(self, monotonic: Callable[[], float], size: int) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._size = size
        self._counters: dict[str, tuple[int, float]] = {}

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """Name what a store of this kind raises: nothing."""
        return ()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count, from the beginning where the window is over."""
        now_s = self._monotonic()
        counted, ends_s = self._counters.get(key, (0, 0.0))
        if ends_s <= now_s:
            self._counters.pop(key, None)
            if len(self._counters) >= self._size:
                del self._counters[next(iter(self._counters))]
            counted, ends_s = 0, now_s + expiry
        self._counters[key] = (counted + amount, ends_s)
        return counted + amount

    def get(self, key: str) -> int:
        """Answer a counter."""
        counted, ends_s = self._counters.get(key, (0, 0.0))
        return counted if ends_s > self._monotonic() else 0

    def get_expiry(self, key: str) -> float:
        """Answer the second at which a counter begins anew."""
        return self._counters.get(key, (0, self._monotonic()))[1]

    def check(self) -> bool:
        """Say whether the store works."""
        return True

    def reset(self) -> int | None:
        """Forget everything; answer how much that was."""
        forgotten = len(self._counters)
        self._counters.clear()
        return forgotten

    def clear(self, key: str) -> None:
        """Forget one counter."""
        self._counters.pop(key, None)

"""How many messages may leave now: token buckets in small portions. Pure but for `now_s`.

Source: docs/decisions/0015-lanes.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

BURST_S = 0.1
"""A bucket holds what may leave in this time: in any second a tenth more than asked for."""

STOPPED_S = 1.0
"""How often to look at a rate again that is nothing at all for a while."""

MOST_BUCKETS = 4096


class Bucket:
    """Tokens that come in at a steady rate. Times: seconds that never go back."""

    def __init__(self, per_second: float, now_s: float) -> None:
        self._at_s = now_s
        self.change(per_second)
        self._tokens = self._most

    def change(self, per_second: float) -> None:
        """Let tokens come in at this rate from now on."""
        self._per_second = per_second
        self._most = max(1.0, per_second * BURST_S)

    def available(self, now_s: float) -> int:
        """Say how many may go now."""
        self._tokens = min(
            self._most, self._tokens + max(0.0, now_s - self._at_s) * self._per_second
        )
        self._at_s = max(self._at_s, now_s)
        return int(self._tokens)

    def take(self, count: int) -> None:
        """Let this many go."""
        self._tokens -= count

    def ready_in_s(self) -> float:
        """Say in how many seconds a whole portion may go again."""
        if not self._per_second:
            return STOPPED_S
        return max(0.0, (self._most - self._tokens) / self._per_second)


class Paces:
    """One bucket for each thing that has a rate, for a bounded number of them."""

    def __init__(self) -> None:
        self._buckets: dict[Hashable, Bucket] = {}

    def of(self, thing: Hashable, per_second: float, now_s: float) -> Bucket:
        """Answer a thing's bucket; its rate may have changed."""
        bucket = self._buckets.pop(thing, None)
        if bucket is None:
            bucket = Bucket(per_second, now_s)
        bucket.change(per_second)
        while len(self._buckets) >= MOST_BUCKETS:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[thing] = bucket
        return bucket

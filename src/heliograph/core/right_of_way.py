"""The right of way: broadcasts wait a moment for small sends that are under way.

A login code passes the loop and the storage a dozen times before it leaves,
and each time it would stand behind a piece of a broadcast; at the provider it
would stand behind all that was sent since. So the broadcast begins nothing
new from the moment a small send is asked for until it has left, and waits for
none longer than `LONGEST_S`. However many come, half of the time is its own.

Source: docs/decisions/0015-lanes.md.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

FEW: Final = 8
"""Who is sent to has the right of way as one of so few: a user's devices, not a page."""

LONGEST_S: Final = 0.05
"""How long a broadcast waits at a stretch: a small send's way on a slow machine, several times
over, and not felt by a broadcast of minutes."""

SHARE: Final = 0.5
"""How much of its time a broadcast waits at most, where small sends come without a pause."""

_LEAST_S: Final = 0.001
"""What is not worth a timer. Without it a broadcast would wait for ever smaller halves."""


class RightOfWay:
    """Knows whether a broadcast is to wait. monotonic: reads the clock, in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._until = float("-inf")
        self._patience_s = LONGEST_S
        self._counted_at = monotonic()
        self._is_waiting = False

    def ask(self) -> None:
        """Say that a small send has begun."""
        self._until = self._count() + LONGEST_S

    def passed(self) -> None:
        """Say that a small send has left. Others that have not share its luck."""
        self._count()
        self._until = float("-inf")
        self._is_waiting = False

    def take_turn(self) -> float:
        """Take a broadcast's turn: answer 0.0, or how many seconds it has to wait for one."""
        left_s = min(self._until - self._count(), self._patience_s)
        self._is_waiting = left_s >= _LEAST_S
        return left_s if self._is_waiting else 0.0

    async def turn(self) -> None:
        """Wait for a broadcast's turn, and take it."""
        left_s = self.take_turn()
        while left_s:
            await asyncio.sleep(left_s)
            left_s = self.take_turn()

    @property
    def is_asked_for(self) -> bool:
        """Say whether a small send is under way: what can be put down is put down. Any thread."""
        return self._until > self._monotonic()

    def _count(self) -> float:
        """Count what was waited since the last time, and what may be waited again; answer now."""
        now = self._monotonic()
        passed_s, self._counted_at = now - self._counted_at, now
        spent_s = passed_s if self._is_waiting else 0.0
        self._patience_s = min(LONGEST_S, self._patience_s + SHARE * passed_s - spent_s)
        return now

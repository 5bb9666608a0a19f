"""The right of way: broadcasts wait a moment for small sends that are under way.

A login code passes the loop half a dozen times before it leaves, and each time
it would stand behind a slice of a broadcast; at the provider it would stand
behind all that was sent since. So the broadcast starts nothing new from the
moment a small send is asked for until it has left, and has a turn again after
`LONGEST_S` in any case: however many codes come, it goes on at that pace.

Source: docs/decisions/0015-lanes.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

FEW: Final = 8
"""Who is sent to has the right of way as one of so few: a user's devices, not a page."""

LONGEST_S: Final = 0.005
"""How long a broadcast waits from one turn to the next: a few commits' time, and not felt by
one of minutes."""


class RightOfWay:
    """Knows whether a broadcast is to wait. monotonic: reads the clock, in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._until = self._turn_at = float("-inf")

    def ask(self) -> None:
        """Say that a small send has begun."""
        self._until = self._monotonic() + LONGEST_S

    def passed(self) -> None:
        """Say that a small send has left. Others that have not share its luck."""
        self._until = float("-inf")

    def take_turn(self) -> float:
        """Take a broadcast's turn: answer 0.0, or how many seconds it has to wait for one."""
        now = self._monotonic()
        left_s = min(self._until, self._turn_at + LONGEST_S) - now
        if left_s > 0.0:
            return left_s
        self._turn_at = now
        return 0.0

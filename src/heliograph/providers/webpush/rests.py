"""Push services that can't be reached are left alone for a while, each by itself.

A page that waits for one that is away would hold up what is for the others.

Source: docs/decisions/0027-push-services.md.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from heliograph.outbound.http2.messages import Lost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.ports import Clock
    from heliograph.outbound.http2.messages import Reply
    from heliograph.outbound.http2.origin import Origin

FIRST_REST_S: Final = 1.0
LONGEST_REST_S: Final = 300.0
MAX_RESTING: Final = 1000

_AWAY: Final = ("cannot connect", "no reply: the time", "no reply in time", "never sent: the time")
"""How the words of both senders begin where it is the service, and not one connection."""


class _Rest(NamedTuple):
    until_s: float
    pause_s: float
    detail: str


class Rests:
    """Knows which push services are away. Seconds are of the clock that never goes back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._resting: OrderedDict[Origin, _Rest] = OrderedDict()

    def of(self, origin: Origin) -> Lost | None:
        """Answer what became of trying, while a service is to be left alone."""
        rest = self._resting.get(origin)
        if rest is None or rest.until_s <= self._clock.monotonic():
            return None
        return Lost(is_unprocessed=True, detail=rest.detail)

    def left(self, origin: Origin) -> timedelta:
        """Say how long a service is left alone from now on."""
        rest = self._resting.get(origin)
        left_s = 0.0 if rest is None else rest.until_s - self._clock.monotonic()
        return timedelta(seconds=max(left_s, 0.0))

    def note(self, origin: Origin, results: Sequence[Reply | Lost]) -> None:
        """Learn from what requests came to: one reply shows that a service is there."""
        if not all(isinstance(each, Lost) and each.detail.startswith(_AWAY) for each in results):
            if not all(isinstance(each, Lost) for each in results):
                self._resting.pop(origin, None)
            return
        now_s = self._clock.monotonic()
        former = self._resting.pop(origin, None)
        if former is not None and former.until_s > now_s:
            # Several were on their way together: that is one failure.
            self._resting[origin] = former
            return
        pause_s = FIRST_REST_S if former is None else min(former.pause_s * 2, LONGEST_REST_S)
        lost = results[0]
        detail = lost.detail if isinstance(lost, Lost) else ""
        self._resting[origin] = _Rest(now_s + pause_s, pause_s, detail)
        if len(self._resting) > MAX_RESTING:
            self._resting.popitem(last=False)

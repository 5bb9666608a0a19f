"""How fast FCM wants to be sent to: from little to full over a minute. Pure.

FCM asks senders to raise their traffic over at least a minute, both after a
pause and after it has refused some of it. Whoever sends keeps a `Pace` per
credential and asks it how much may leave.

Source: docs/providers/fcm.md, "Pace".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

FULL_PER_SECOND: Final = 10_000.0
"""600,000 messages a minute. Source: Firebase, "Throttling and quotas"."""

FIRST_PER_SECOND: Final = 500.0
"""What a cold start may send at once: one page in two seconds, and one person's push at once."""

RISE_S: Final = 60.0
"""How long the way from there to full is, at least. Source: Firebase, "Scale FCM sends"."""

IDLE_S: Final = 60.0
"""A pause so long is a cold start: FCM counts by the minute."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Where one credential stands on its way. Seconds are of the monotonic clock.

    began_s: when the way was begun, or will be where FCM asked for a pause.
    last_s: when something was last sent. full_per_second: the project's quota.
    """

    began_s: float
    last_s: float
    full_per_second: float = FULL_PER_SECOND

    def per_second(self, now_s: float) -> float:
        """Say how many messages may leave in a second; 0 while FCM asked for a pause."""
        way_s = now_s - self._began_s(now_s)
        if way_s < 0:
            return 0.0
        first = min(FIRST_PER_SECOND, self.full_per_second)
        return min(self.full_per_second, first + (self.full_per_second - first) * way_s / RISE_S)

    def sent(self, now_s: float) -> Pace:
        """Note that something is sent now."""
        return replace(self, began_s=self._began_s(now_s), last_s=max(now_s, self.last_s))

    def throttled(self, now_s: float, pause_s: float) -> Pace:
        """Note a 429 of all we send: after the pause the way begins anew."""
        until_s = now_s + pause_s
        return replace(self, began_s=max(until_s, self.began_s), last_s=max(until_s, self.last_s))

    def _began_s(self, now_s: float) -> float:
        return now_s if now_s - self.last_s >= IDLE_S else self.began_s


def cold(now_s: float, *, full_per_second: float = FULL_PER_SECOND) -> Pace:
    """Begin for a credential that has sent nothing yet."""
    return Pace(now_s, now_s, full_per_second)

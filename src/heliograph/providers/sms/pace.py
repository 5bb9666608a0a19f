"""How fast an SMS centre wants to be sent to: slower after each refusal, then slowly faster. Pure.

A centre says that it is too much, and never how much would be right. Half of what it refused is
tried after the pause, and the rest is won back over minutes.

Source: docs/providers/sms.md, "Pace".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

FULL_PER_SECOND: Final = 500.0
"""More than centres give to an account by default."""

LEAST_PER_SECOND: Final = 1.0
RISE_S: Final = 300.0
"""How long the way from what a refusal left to full is."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What one account may send. base: messages a second at `since_s`, monotonic seconds."""

    base: float
    since_s: float

    def per_second(self, now_s: float) -> float:
        """Say how many messages may leave in a second; 0 while the centre's pause lasts."""
        risen_s = now_s - self.since_s
        if risen_s < 0:
            return 0.0
        return min(FULL_PER_SECOND, self.base + (FULL_PER_SECOND - self.base) * risen_s / RISE_S)

    def sent(self, now_s: float) -> Pace:
        """Note that something is sent now: a centre's patience doesn't depend on it."""
        del now_s
        return self

    def throttled(self, now_s: float, pause_s: float) -> Pace:
        """Note a refusal of all we send."""
        refused = self.per_second(now_s) or self.base
        until_s = max(now_s + pause_s, self.since_s)
        return replace(self, base=max(LEAST_PER_SECOND, refused / 2), since_s=until_s)


def full(now_s: float) -> Pace:
    """Begin for an account that was never refused anything."""
    return Pace(FULL_PER_SECOND, now_s)

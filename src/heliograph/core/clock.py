"""The wall clock and the monotonic clock, read here and nowhere else."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Tell the time in aware UTC, cut to whole milliseconds as stored."""
        return from_ms(time.time_ns() // 1_000_000)

    def monotonic(self) -> float:
        """Tell seconds that never go back."""
        return time.monotonic()


def to_ms(instant: datetime) -> int:
    """Turn an aware datetime into Unix milliseconds."""
    return (instant - EPOCH) // _MILLISECOND


def from_ms(millis: int) -> datetime:
    """Turn Unix milliseconds into an aware UTC datetime."""
    seconds, rest = divmod(millis, 1000)
    # Told in days, seconds and microseconds, which is how it keeps them, it need not reckon.
    return EPOCH + timedelta(0, seconds, rest * 1000)

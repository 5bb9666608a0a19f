from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.clock import SystemClock, from_ms, to_ms


@given(st.integers(min_value=0, max_value=2**47))
def test_milliseconds_lead_back_to_themselves(millis: int) -> None:
    assert to_ms(from_ms(millis)) == millis


def test_now_is_aware_and_whole_in_milliseconds() -> None:
    now = SystemClock().now()

    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_monotonic_clock_never_goes_back() -> None:
    clock = SystemClock()

    readings = [clock.monotonic() for _ in range(100)]

    assert readings == sorted(readings)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.providers.fcm.pace import FIRST_PER_SECOND, FULL_PER_SECOND, Pace, cold

SECONDS = st.floats(0, 1000)


def test_a_cold_start_rises_to_the_quota_within_a_minute():
    pace = cold(100.0).sent(100.0)

    rates = [pace.per_second(100.0 + passed) for passed in (0, 30, 59)]

    assert rates[0] == FIRST_PER_SECOND
    assert rates[1] == (FIRST_PER_SECOND + FULL_PER_SECOND) / 2
    assert rates[1] < rates[2] < FULL_PER_SECOND


def test_whoever_goes_on_sending_stays_at_the_quota():
    pace = cold(0.0)
    for now_s in range(0, 300, 10):
        pace = pace.sent(float(now_s))

    assert pace.per_second(300.0) == FULL_PER_SECOND


def test_a_minute_of_silence_is_a_cold_start():
    pace = cold(0.0).sent(0.0).sent(50.0).sent(100.0)

    assert pace.per_second(159.0) == FULL_PER_SECOND
    assert pace.per_second(160.0) == FIRST_PER_SECOND
    assert pace.sent(160.0).per_second(190.0) < FULL_PER_SECOND


def test_after_a_429_nothing_leaves_until_it_may_and_then_little():
    pace = cold(0.0).sent(0.0).sent(50.0).sent(100.0).throttled(100.0, 60.0)

    assert pace.per_second(159.9) == 0
    assert pace.per_second(160.0) == FIRST_PER_SECOND
    assert pace.per_second(190.0) == (FIRST_PER_SECOND + FULL_PER_SECOND) / 2


def test_a_shorter_pause_does_not_end_a_longer_one():
    pace = cold(0.0).throttled(0.0, 60.0).throttled(1.0, 5.0)

    assert pace.per_second(30.0) == 0


def test_a_small_quota_is_never_passed():
    pace = cold(0.0, full_per_second=10.0)

    assert pace.per_second(0.0) == pace.per_second(30.0) == 10.0


@given(st.lists(st.tuples(st.sampled_from(["sent", "throttled"]), SECONDS)), SECONDS)
def test_no_history_leads_out_of_bounds(history, at_s):
    pace, now_s = cold(0.0), 0.0
    for event, passed_s in history:
        now_s += passed_s
        pace = pace.sent(now_s) if event == "sent" else pace.throttled(now_s, 60.0)

    assert isinstance(pace, Pace)
    assert 0 <= pace.per_second(now_s + at_s) <= FULL_PER_SECOND


@pytest.mark.parametrize("pause_s", [0.0, 1.0, 600.0])
def test_the_way_after_a_pause_is_the_way_after_a_cold_start(pause_s):
    pace = cold(0.0).throttled(0.0, pause_s)

    assert pace.per_second(pause_s + 20.0) == cold(0.0).sent(0.0).per_second(20.0)

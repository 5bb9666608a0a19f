from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from heliograph.delivery.pace import BURST_S, MOST_BUCKETS, Bucket, Paces


def test_a_full_bucket_holds_what_may_leave_in_a_moment() -> None:
    assert Bucket(1000, now_s=0).available(0) == 1000 * BURST_S


def test_a_slow_rate_lets_one_go_at_a_time() -> None:
    bucket = Bucket(0.5, now_s=0)

    bucket.take(1)

    assert bucket.available(1.9) == 0
    assert bucket.available(2.0) == 1


def test_a_rate_of_nothing_says_so() -> None:
    bucket = Bucket(0, now_s=0)
    bucket.take(bucket.available(0))

    assert bucket.available(1e9) == 0
    assert bucket.ready_in_s() > 0


@given(st.floats(0.1, 10_000), st.lists(st.floats(0.001, 5), min_size=1, max_size=50))
def test_no_more_leave_than_the_rate_and_one_burst(rate: float, waits: list[float]) -> None:
    bucket, now_s, sent = Bucket(rate, now_s=0), 0.0, 0
    for wait_s in waits:
        now_s += wait_s
        count = bucket.available(now_s)
        bucket.take(count)
        sent += count

    assert sent <= rate * now_s + max(1.0, rate * BURST_S) + 1e-6


@given(st.floats(0.5, 10_000))
def test_waiting_as_long_as_it_says_fills_it(rate: float) -> None:
    bucket = Bucket(rate, now_s=0)
    whole = bucket.available(0)
    bucket.take(whole)

    assert bucket.available(bucket.ready_in_s() + 1e-6) == whole


def test_each_thing_has_its_own_and_a_bounded_number_is_kept() -> None:
    paces = Paces()
    paces.of("a", 10, 0).take(1)

    assert paces.of("a", 10, 0).available(0) == 0
    assert paces.of("b", 10, 0).available(0) == 1
    for number in range(MOST_BUCKETS):
        paces.of(number, 10, 0)
    assert paces.of("a", 10, 0).available(0) == 1

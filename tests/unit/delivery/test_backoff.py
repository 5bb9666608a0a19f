from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.model.outcome import Deferred
from heliograph.delivery.backoff import BASE, CAP, next_attempt_at

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FAR = NOW + timedelta(days=28)
BUSY = Deferred("busy")


def wait_of(
    attempts: int,
    outcome: Deferred = BUSY,
    *,
    jitter: float = 1.0,
    expires_at: datetime = FAR,
    max_attempts: int | None = 12,
) -> timedelta | None:
    due = next_attempt_at(
        attempts,
        outcome,
        now=NOW,
        expires_at=expires_at,
        max_attempts=max_attempts,
        jitter=jitter,
    )
    return due - NOW if due else None


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 1), (2, 2), (3, 4), (10, 512), (11, 900), (100, 900)]
)
def test_each_wait_is_twice_the_last_up_to_a_quarter_of_an_hour(
    attempts: int, seconds: int
) -> None:
    assert wait_of(attempts, max_attempts=None) == timedelta(seconds=seconds)


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_jitter_waits_a_part_of_the_step_and_never_more(attempts: int, jitter: float) -> None:
    whole = wait_of(attempts, max_attempts=None)

    part = wait_of(attempts, jitter=jitter, max_attempts=None)

    assert whole is not None
    assert part is not None
    assert timedelta(0) <= part <= whole <= CAP
    assert whole >= BASE


@pytest.mark.parametrize(("asked_s", "waited_s"), [(0, 1), (0.5, 1), (30, 30), (100_000, 100_000)])
def test_what_the_provider_asks_for_beats_a_shorter_step(asked_s: float, waited_s: float) -> None:
    asked = Deferred("busy", timedelta(seconds=asked_s))

    assert wait_of(1, asked) == timedelta(seconds=waited_s)


def test_what_the_provider_asks_for_is_not_cut_by_jitter() -> None:
    asked = Deferred("busy", timedelta(seconds=30))

    assert wait_of(1, asked, jitter=0) == timedelta(seconds=30)


@pytest.mark.parametrize(("attempts", "tries"), [(1, True), (11, True), (12, False), (13, False)])
def test_the_last_of_the_attempts_is_the_last(attempts: int, tries: bool) -> None:
    assert (wait_of(attempts) is not None) == tries


def test_without_a_number_of_attempts_only_time_ends_the_tries() -> None:
    assert wait_of(10**6, max_attempts=None) == CAP
    assert wait_of(10**6, max_attempts=None, expires_at=NOW + CAP) is None


@pytest.mark.parametrize(("life_s", "tries"), [(0, False), (1, False), (1.001, True)])
def test_a_wait_that_outlives_the_notification_is_no_wait(life_s: float, tries: bool) -> None:
    wait = wait_of(1, expires_at=NOW + timedelta(seconds=life_s))

    assert (wait is not None) == tries


def test_a_notification_that_is_over_is_not_tried_again() -> None:
    assert wait_of(1, jitter=0, expires_at=NOW - timedelta(days=1)) is None


def test_a_wait_longer_than_the_calendar_gives_up() -> None:
    assert wait_of(1, Deferred("busy", timedelta.max)) is None

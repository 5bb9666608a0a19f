"""A delivery that no provider was asked about waits, uncounted, until its time is over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.delivery.scripted import NOW, target
from tests.unit.delivery.test_consequences import LATER, commit_of

from heliograph.core.clock import to_ms
from heliograph.core.model.delivery import DeferredRow, DeliveryState, ShardSource
from heliograph.core.model.notification import Counters
from heliograph.core.model.outcome import Deferred
from heliograph.delivery.unsent import Unsent

SECOND = timedelta(seconds=1)
TTL_S = 3600
OVER = NOW + timedelta(seconds=TTL_S)


def test_it_waits_with_as_many_attempts_as_before() -> None:
    phone = target(recipient=3, attempts=2)

    commit = commit_of([phone], [Unsent("held", LATER + SECOND)], ttl_s=TTL_S)

    due_ms = to_ms(LATER + SECOND)
    assert commit.deferred == [DeferredRow(phone.bucket, 3, phone.id, due_ms, 2)]
    (row,) = commit.deliveries
    assert (row.state, row.reason, row.attempts) == (DeliveryState.DEFERRED, "held", 2)
    assert commit.counters == Counters(deferred=1)


def test_an_attempt_is_counted_and_its_absence_is_not() -> None:
    commit = commit_of([target(), target()], [Deferred("busy"), Unsent("held", LATER + SECOND)])

    assert [row.attempts for row in commit.deliveries] == [1, 0]


def test_however_often_it_was_tried_before_it_waits() -> None:
    commit = commit_of(
        [target(attempts=100)], [Unsent("held", LATER + SECOND)], source=ShardSource.RETRY
    )

    assert len(commit.deferred) == 1
    assert commit.counters == Counters()


def test_it_waits_no_longer_than_its_time_to_live() -> None:
    (row,) = commit_of([target()], [Unsent("held", OVER + SECOND)], ttl_s=TTL_S).deferred

    assert row.due_ms == to_ms(OVER)


@pytest.mark.parametrize(
    ("due", "ttl_s"), [(None, TTL_S), (LATER + SECOND, 5), (LATER + SECOND, 4), (None, 5)]
)
def test_what_has_no_time_left_expires(due, ttl_s: int) -> None:
    commit = commit_of([target(attempts=2)], [Unsent("over", due)], ttl_s=ttl_s)

    assert commit.deferred == []
    (row,) = commit.deliveries
    assert (row.state, row.reason, row.attempts) == (DeliveryState.EXPIRED, "over", 2)
    assert commit.counters == Counters(expired=1)

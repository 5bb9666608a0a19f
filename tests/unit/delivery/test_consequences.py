from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.delivery.scripted import NOW, SANDBOX, notification, shard, target

from heliograph.core.clock import to_ms
from heliograph.core.model.delivery import (
    Cursor,
    DeferredRow,
    DeliveryState,
    Dropped,
    Page,
    Prune,
    ShardSource,
)
from heliograph.core.model.notification import Counters, Options
from heliograph.core.model.outcome import (
    ACCEPTED,
    Accepted,
    Deferred,
    Misconfigured,
    Outcome,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.delivery.consequences import (
    CLOCK_SLACK,
    LONG_SINCE,
    MISCONFIGURED_WAIT,
    consequences_of,
    may_prune,
)

if TYPE_CHECKING:
    from heliograph.core.model.delivery import PageCommit, Target

LATER = NOW + timedelta(seconds=5)
END = Cursor(7, 0, b"\7" * 16)


def commit_of(
    targets: list[Target],
    outcomes: list[Outcome],
    *,
    source: ShardSource = ShardSource.QUERY,
    dropped: tuple[Dropped, ...] = (),
    jitter: float = 1.0,
    ttl_s: int = 3600,
    max_attempts: int = 12,
    **given: Any,
) -> PageCommit:
    return consequences_of(
        Page(targets, END, dropped),
        outcomes,
        shard=shard(source),
        notification=notification(options=Options(ttl_s=ttl_s)),
        began=NOW,
        now=LATER,
        max_attempts=max_attempts,
        jitter=lambda: jitter,
        **given,
    )


def state_of(outcome: Outcome, **given: Any) -> tuple[DeliveryState, str | None, str | None]:
    (row,) = commit_of([target()], [outcome], **given).deliveries
    return row.state, row.reason, row.provider_message_id


@pytest.mark.parametrize(
    ("outcome", "state", "reason", "message_id"),
    [
        (ACCEPTED, DeliveryState.ACCEPTED, None, None),
        (Accepted("theirs"), DeliveryState.ACCEPTED, None, "theirs"),
        (TokenGone("dead"), DeliveryState.GONE, "dead", None),
        (Rejected("too big"), DeliveryState.REJECTED, "too big", None),
        (Deferred("busy"), DeliveryState.DEFERRED, "busy", None),
        (RefreshCredential("stale"), DeliveryState.DEFERRED, "stale", None),
        (Misconfigured("bad key"), DeliveryState.DEFERRED, "bad key", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Outcome) else "",
)
def test_every_outcome_is_recorded_as_its_state(
    outcome: Outcome, state: DeliveryState, reason: str | None, message_id: str | None
) -> None:
    assert state_of(outcome) == (state, reason, message_id)


def test_a_record_says_whose_and_when() -> None:
    phone = target(recipient=3, attempts=2)

    (row,) = commit_of([phone], [ACCEPTED]).deliveries

    assert (row.bucket, row.recipient, row.target_id) == (phone.bucket, 3, phone.id)
    assert (row.provider, row.is_registered) == (phone.provider, True)
    assert (row.attempts, row.at_ms) == (3, to_ms(LATER))


def test_a_commit_carries_the_cursor_and_what_was_learned() -> None:
    learned = [(target().id, target().token_hash, SANDBOX)]

    commit = commit_of([target()], [ACCEPTED], environments=learned)

    assert (commit.cursor, commit.at) == (END, LATER)
    assert commit.environments == learned


def test_a_dead_token_forgets_its_registration_as_it_was_read() -> None:
    phone = target()

    commit = commit_of([phone], [TokenGone("dead")])

    assert commit.prunes == [Prune(phone.id, phone.token_hash, phone.refreshed_ms, "dead")]


@pytest.mark.parametrize(
    "outcome",
    [
        ACCEPTED,
        Accepted("theirs"),
        Rejected("no"),
        Deferred("busy"),
        Deferred("busy", is_ours=True),
        RefreshCredential("stale"),
        Misconfigured("bad key"),
    ],
    ids=str,
)
def test_nothing_but_a_dead_token_forgets_anybody(outcome: Outcome) -> None:
    assert commit_of([target()], [outcome]).prunes == []


def test_a_bare_address_has_nothing_to_forget() -> None:
    address = target(is_registered=False, refreshed_ms=0)

    commit = commit_of([address], [TokenGone("dead")])

    assert commit.prunes == []
    assert commit.counters == Counters(gone=1)


def test_a_phone_that_registered_after_its_token_died_survives() -> None:
    phone = target(refreshed_ms=to_ms(NOW))

    commit = commit_of([phone], [TokenGone("dead", since=NOW - timedelta(days=1))])

    assert commit.prunes == []
    assert commit.counters == Counters(gone=1)


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("age", "since_refresh", "prunes"),
    [
        # Refreshed lately: the death must be clearly younger.
        (timedelta(hours=1), CLOCK_SLACK, False),
        (timedelta(hours=1), CLOCK_SLACK + SECOND, True),
        (timedelta(hours=1), -SECOND, False),
        (LONG_SINCE - SECOND, SECOND, False),
        # Refreshed a day ago or longer: younger is enough.
        (LONG_SINCE, SECOND, True),
        (LONG_SINCE, timedelta(0), False),
        (LONG_SINCE, -SECOND, False),
        # Without a time the attempt's start stands for it.
        (CLOCK_SLACK, None, False),
        (CLOCK_SLACK + SECOND, None, True),
        (timedelta(0), None, False),
    ],
)
def test_only_a_death_younger_than_the_refresh_counts(
    age: timedelta, since_refresh: timedelta | None, prunes: bool
) -> None:
    refreshed = NOW - age
    since = None if since_refresh is None else refreshed + since_refresh

    assert may_prune(since, refreshed=refreshed, began=NOW) == prunes


@given(st.timedeltas(timedelta(0), timedelta(days=900)), st.timedeltas())
def test_a_death_before_the_refresh_never_counts(age: timedelta, before: timedelta) -> None:
    refreshed = NOW - age
    since = refreshed - abs(before) if abs(before) < timedelta(days=9000) else refreshed

    assert not may_prune(since, refreshed=refreshed, began=NOW)


def test_a_deferred_delivery_waits_for_its_step() -> None:
    phone = target(attempts=2, recipient=3)

    (row,) = commit_of([phone], [Deferred("busy")], jitter=0.5).deferred

    due_ms = to_ms(LATER + timedelta(seconds=2))
    assert row == DeferredRow(phone.bucket, 3, phone.id, due_ms, attempts=3)


def test_a_deferred_delivery_waits_as_long_as_the_provider_asks() -> None:
    (row,) = commit_of([target()], [Deferred("busy", timedelta(minutes=5))]).deferred

    assert row.due_ms == to_ms(LATER + timedelta(minutes=5))


def test_the_last_attempt_expires() -> None:
    commit = commit_of([target(attempts=11)], [Deferred("busy")], source=ShardSource.RETRY)

    assert commit.deferred == []
    assert [row.state for row in commit.deliveries] == [DeliveryState.EXPIRED]
    assert commit.counters == Counters(deferred=-1, expired=1)


@pytest.mark.parametrize("ttl_s", [0, 5, 6])
def test_what_would_wait_past_the_time_to_live_expires(ttl_s: int) -> None:
    assert state_of(Deferred("busy"), ttl_s=ttl_s) == (DeliveryState.EXPIRED, "busy", None)


@pytest.mark.parametrize("outcome", [Misconfigured("bad key"), RefreshCredential("stale")], ids=str)
@pytest.mark.parametrize("attempts", [0, 11, 100])
def test_what_is_ours_to_fix_waits_until_its_time_is_over(outcome: Outcome, attempts: int) -> None:
    commit = commit_of([target(attempts=attempts)], [outcome], jitter=0)

    (row,) = commit.deferred
    assert row.due_ms == to_ms(LATER + MISCONFIGURED_WAIT)
    assert state_of(outcome, ttl_s=60)[0] == DeliveryState.EXPIRED


def test_a_registration_that_is_gone_is_canceled() -> None:
    place = Cursor(9, 4, b"\t" * 16)

    commit = commit_of([], [], dropped=(Dropped(place),))

    (row,) = commit.deliveries
    assert (row.bucket, row.recipient, row.target_id) == place
    assert (row.state, row.provider, row.attempts) == (DeliveryState.CANCELED, None, 0)
    assert commit.counters == Counters(canceled=1)


def test_a_retry_whose_registration_is_gone_waits_no_more() -> None:
    place = Cursor(9, 4, b"\t" * 16)

    commit = commit_of([], [], dropped=(Dropped(place, 3),), source=ShardSource.RETRY)

    assert commit.counters == Counters(canceled=1, deferred=-1)


@pytest.mark.parametrize(
    ("outcome", "counters"),
    [
        (ACCEPTED, Counters(accepted=1, deferred=-1)),
        (Rejected("no"), Counters(rejected=1, deferred=-1)),
        (TokenGone("dead"), Counters(gone=1, deferred=-1)),
        (Deferred("busy"), Counters()),
    ],
    ids=str,
)
def test_a_retry_nets_out(outcome: Outcome, counters: Counters) -> None:
    commit = commit_of([target(attempts=1)], [outcome], source=ShardSource.RETRY)

    assert commit.counters == counters


def test_an_outcome_for_every_target_is_asked_for() -> None:
    with pytest.raises(ValueError, match="zip"):
        commit_of([target("A"), target("B")], [ACCEPTED])


times = st.none() | st.datetimes(min_value=NOW.replace(tzinfo=None)).map(
    lambda at: at.replace(tzinfo=NOW.tzinfo)
)
outcomes = st.one_of(
    st.just(ACCEPTED),
    st.builds(Accepted, st.just("theirs")),
    st.builds(TokenGone, st.just("dead"), times, st.booleans()),
    st.builds(Rejected, st.just("no")),
    st.builds(Deferred, st.just("busy"), st.none() | st.timedeltas(timedelta(0)), st.booleans()),
    st.builds(RefreshCredential, st.just("stale")),
    st.builds(Misconfigured, st.just("bad key")),
)


@given(
    st.lists(st.tuples(st.integers(0, 15), outcomes), max_size=20),
    st.integers(0, 5),
    st.floats(0, 1),
    st.sampled_from(ShardSource),
)
def test_the_counters_always_sum_to_what_happened(
    sends: list[tuple[int, Outcome]], gone: int, jitter: float, source: ShardSource
) -> None:
    targets = [target(f"T{n}", attempts=attempts) for n, (attempts, _) in enumerate(sends)]
    places = tuple(Dropped(Cursor(n, 0, bytes([n]) * 16)) for n in range(gone))

    commit = commit_of(
        targets, [each for _, each in sends], dropped=places, jitter=jitter, source=source
    )

    states = [row.state for row in commit.deliveries]
    retried = len(sends) + gone if source is ShardSource.RETRY else 0
    assert commit.counters.targets == len(sends) + gone - retried
    assert len(states) == len(sends) + gone
    for state in DeliveryState:
        was_waiting = retried if state is DeliveryState.DEFERRED else 0
        assert getattr(commit.counters, state.value) == states.count(state) - was_waiting
    assert len(commit.deferred) == states.count(DeliveryState.DEFERRED)
    assert len(commit.prunes) <= states.count(DeliveryState.GONE)

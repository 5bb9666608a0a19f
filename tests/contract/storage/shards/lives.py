"""What workers have in their hands, and what they make of a page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from heliograph.core.model.audience import Everyone
from heliograph.core.model.delivery import ShardSource
from heliograph.core.model.notification import Counters, NotificationState, Record
from heliograph.core.model.outcome import (
    ACCEPTED,
    Accepted,
    Deferred,
    Misconfigured,
    Rejected,
    TokenGone,
)
from heliograph.core.notifications.states import FINAL
from heliograph.delivery.consequences import consequences_of
from heliograph.delivery.cut import first_of
from heliograph.delivery.unsent import Unsent

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.delivery import Cursor, Page, PageCommit, Shard
    from heliograph.core.model.notification import Notification

OUTCOMES = ("accepted", "put off", "gone", "refused", "ours", "resting", "over")
DEVICES = ("d1", "d2", "d3", "d4", "d5")
WORKERS = ("one", "two")
AUDIENCES = ("everyone", "everyone", "users", "registrations", "addresses", "recipients")
MEANWHILE = (
    "cancel",
    "pause",
    "resume",
    "unregister",
    "register",
    "settle",
    "freeze",
    "sweep",
    "sweep",
    "sweep",
    "sweep",
)
LONGEST_S = 4000
"""After this everything's time is over."""

outcomes = st.lists(st.sampled_from([*OUTCOMES, *OUTCOMES[:2]]), min_size=1, max_size=4)
workers = st.sampled_from(WORKERS)
wishes = st.tuples(
    st.sampled_from(AUDIENCES),
    st.sampled_from([0, 100, 3600, 3600]),
    st.sampled_from([*[Record.ALL] * 3, Record.FAILURES, Record.COUNTERS]),
)


@dataclass
class Held:
    """A shard in a worker's hands, and the page that it has read of it."""

    shard: Shard
    notification: Notification
    cursor: Cursor | None
    lease_ends: float
    page: Page | None = None


@dataclass
class Asked:
    """A notification, and who was there when it started."""

    notification: Notification
    there: set[Id] | None = None
    received: Counter[tuple[int, bytes]] = field(default_factory=Counter)


def commit_of(
    held: Held, page: Page, said: Sequence[str], cut: int, now: datetime
) -> tuple[PageCommit, list[tuple[int, bytes]]]:
    """Say what a page comes to, and whom it was sent to.

    said: what the provider says to one after the other, over and over. cut: how many go at
    most, 0 for all.
    """
    asked = held.notification
    is_retry = held.shard.source is ShardSource.RETRY
    is_over = page.state is NotificationState.EXPIRED or (
        now >= asked.expires_at and (asked.options.ttl_s > 0 or is_retry)
    )
    if cut and not is_over:
        page = first_of(page, cut, held.shard.source)
    over = Unsent("time to live is over", None)
    came_to = [
        over if is_over else _outcome(said[place % len(said)], now)
        for place in range(len(page.targets))
    ]
    commit = consequences_of(
        page,
        came_to,
        shard=held.shard,
        notification=asked,
        began=now,
        now=now,
        max_attempts=3,
        jitter=lambda: 1.0,
        is_late=is_over and bool(page.targets) and not is_retry,
    )
    sent_to = [
        (target.recipient, target.id)
        for target, outcome in zip(page.targets, came_to, strict=True)
        if isinstance(outcome, Accepted)
    ]
    return commit, sent_to


def _outcome(name: str, now: datetime) -> Any:
    soon = now + timedelta(seconds=7)
    return {
        "accepted": ACCEPTED,
        "put off": Deferred("busy", timedelta(seconds=5)),
        "gone": TokenGone("Unregistered"),
        "refused": Rejected("BadRequest"),
        "ours": Misconfigured("no key"),
        "resting": Unsent("quiet hours", soon),
        "over": Unsent("quiet hours", None),
    }[name]


def check_end(
    asked: Asked,
    row: Any,
    recorded: Sequence[Any],
    counters: Counters,
    living: Collection[Id],
) -> None:
    """Assert that a notification has ended, and that what is said of it adds up."""
    options = asked.notification.options
    state = NotificationState(row.state)
    assert state in FINAL
    assert row.completed_ms is not None
    assert row.is_settled == (state is NotificationState.CANCELED)
    by_state = Counter(each.state for each in recorded)
    assert counters.deferred == 0
    match options.record:
        case Record.ALL:
            assert counters == Counters(**by_state)
        case Record.FAILURES:
            assert by_state["accepted"] <= counters.accepted
            by_state["accepted"] = counters.accepted
            assert counters == Counters(**by_state)
        case Record.COUNTERS:
            assert recorded == []
    assert counters.accepted == asked.received.total()
    assert all(number == 1 for number in asked.received.values())
    is_broadcast = isinstance(asked.notification.audience, Everyone)
    if state is NotificationState.COMPLETED and is_broadcast and options.record is Record.ALL:
        assert asked.there is not None
        assert {each.target_id for each in recorded} >= asked.there.intersection(living)

"""What the outcomes of a page do to the registry, the records and the retries. Pure.

A provider says what happened; only this module says what follows. Each
outcome has one row in the table of docs/decisions/0006-consequences.md.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.model.delivery import (
    DeferredRow,
    DeliveryRow,
    DeliveryState,
    PageCommit,
    Prune,
    ShardSource,
)
from heliograph.core.model.notification import Counters
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
from heliograph.delivery.backoff import next_attempt_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from heliograph.core.model.delivery import Cursor, Page, Shard, Target
    from heliograph.core.model.notification import Notification
    from heliograph.core.model.registration import Environment

CLOCK_SLACK = timedelta(seconds=60)
"""How far the provider's clock and ours may differ, and how stale `refreshed` may be."""

LONG_SINCE = timedelta(days=1)
MISCONFIGURED_WAIT = timedelta(minutes=1)
"""How often a delivery that our own configuration holds up is tried again."""


def consequences_of(
    page: Page,
    outcomes: Sequence[Outcome],
    *,
    shard: Shard,
    notification: Notification,
    environments: Sequence[tuple[bytes, Environment]] = (),
    began: datetime,
    now: datetime,
    max_attempts: int,
    jitter: Callable[[], float],
) -> PageCommit:
    """Say all that a page's outcomes come to, ready to be committed in one piece.

    outcomes: one per target, in order. environments: registrations that
    turned out to belong to another of Apple's worlds. began: when the
    attempt started. jitter: draws a number from 0 to 1.
    """
    result = _Result(now, notification, max_attempts, jitter)
    for target, outcome in zip(page.targets, outcomes, strict=True):
        # The one value that most pushes come to, without a call or a look-up.
        if outcome is ACCEPTED:
            result.record(target, DeliveryState.ACCEPTED)
        else:
            result.apply(target, outcome, began)
    for place in page.dropped:
        result.drop(place, was_waiting=shard.source is ShardSource.RETRY)
    return result.commit(shard, page.cursor, environments)


def may_prune(since: datetime | None, *, refreshed: datetime, began: datetime) -> bool:
    """Say whether a dead token's registration may be forgotten.

    A device that registered again after its token died must survive: only a
    death that is clearly younger than the last refresh counts. Where the
    provider gives no time, the attempt's start stands for it.
    """
    died = since or began
    if died > refreshed + CLOCK_SLACK:
        return True
    return died > refreshed and began - refreshed >= LONG_SINCE


class _Result:
    """Collects what follows while the outcomes are read."""

    def __init__(
        self,
        now: datetime,
        notification: Notification,
        max_attempts: int,
        jitter: Callable[[], float],
    ) -> None:
        self._now = now
        self._now_ms = to_ms(now)
        self._expires_at = notification.expires_at
        self._max_attempts = max_attempts
        self._jitter = jitter
        self._rows: list[DeliveryRow] = []
        self._prunes: list[Prune] = []
        self._deferred: list[DeferredRow] = []
        self._counts = dict.fromkeys(DeliveryState, 0)

    def apply(self, target: Target, outcome: Outcome, began: datetime) -> None:
        """Note what follows from one outcome."""
        match outcome:
            case Accepted(message_id):
                self.record(target, DeliveryState.ACCEPTED, message_id=message_id)
            case TokenGone(reason, since):
                self.record(target, DeliveryState.GONE, reason)
                refreshed = from_ms(target.refreshed_ms)
                if target.is_registered and may_prune(since, refreshed=refreshed, began=began):
                    self._prunes.append(
                        Prune(target.id, target.token_hash, target.refreshed_ms, reason)
                    )
            case Rejected(reason):
                self.record(target, DeliveryState.REJECTED, reason)
            case Deferred():
                self._defer(target, outcome, self._max_attempts)
            case RefreshCredential(reason) | Misconfigured(reason):
                # Ours to fix. The delivery waits for that until its time is
                # over, and is never held against the token.
                self._defer(target, Deferred(reason, MISCONFIGURED_WAIT), max_attempts=None)
            case _:
                assert_never(outcome)

    def record(
        self,
        target: Target,
        state: DeliveryState,
        reason: str | None = None,
        message_id: str | None = None,
    ) -> None:
        """Record a delivery; one that was waiting is not waiting any more."""
        self._counts[state] += 1
        if target.attempts:
            self._counts[DeliveryState.DEFERRED] -= 1
        self._rows.append(
            DeliveryRow(
                target.bucket,
                target.recipient,
                target.id,
                state,
                target.provider,
                target.is_registered,
                message_id,
                reason,
                target.attempts + 1,
                self._now_ms,
            )
        )

    def drop(self, place: Cursor, *, was_waiting: bool) -> None:
        """Cancel a delivery whose registration is no longer there."""
        bucket, recipient, target_id = place
        self._counts[DeliveryState.CANCELED] += 1
        if was_waiting:
            self._counts[DeliveryState.DEFERRED] -= 1
        self._rows.append(
            DeliveryRow(
                bucket,
                recipient,
                target_id,
                DeliveryState.CANCELED,
                None,
                True,  # noqa: FBT003 - a column of the row
                None,
                "registration is gone",
                0,
                self._now_ms,
            )
        )

    def commit(
        self,
        shard: Shard,
        cursor: Cursor | None,
        environments: Sequence[tuple[bytes, Environment]],
    ) -> PageCommit:
        """Hand over what was collected."""
        return PageCommit(
            shard=shard,
            cursor=cursor,
            at=self._now,
            deliveries=self._rows,
            prunes=self._prunes,
            deferred=self._deferred,
            environments=environments,
            counters=Counters(**{state.value: n for state, n in self._counts.items()}),
        )

    def _defer(self, target: Target, outcome: Deferred, max_attempts: int | None) -> None:
        attempts = target.attempts + 1
        due = next_attempt_at(
            attempts,
            outcome,
            now=self._now,
            expires_at=self._expires_at,
            max_attempts=max_attempts,
            jitter=self._jitter(),
        )
        if due is None:
            self.record(target, DeliveryState.EXPIRED, outcome.reason)
            return
        self.record(target, DeliveryState.DEFERRED, outcome.reason)
        self._deferred.append(
            DeferredRow(target.bucket, target.recipient, target.id, to_ms(due), attempts)
        )

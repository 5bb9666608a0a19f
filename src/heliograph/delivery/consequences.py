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
from heliograph.core.model.notification import Counters, Record
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
from heliograph.delivery.resting import REASON as RESTING
from heliograph.delivery.unsent import Unsent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from heliograph.core.model.breaker import Breaker
    from heliograph.core.model.delivery import Cursor, Dropped, Page, Shard, Target
    from heliograph.core.model.notification import Notification
    from heliograph.core.model.registration import Environment

CLOCK_SLACK = timedelta(seconds=60)
"""How far the provider's clock and ours may differ, and how stale `refreshed` may be."""

LONG_SINCE = timedelta(days=1)
MISCONFIGURED_WAIT = timedelta(minutes=1)
"""How often a delivery that our own configuration holds up is tried again."""

_ACCEPTED = DeliveryState.ACCEPTED.value
_new_row = tuple.__new__


def consequences_of(
    page: Page,
    outcomes: Sequence[Outcome | Unsent],
    *,
    shard: Shard,
    notification: Notification,
    environments: Sequence[tuple[bytes, bytes, Environment]] = (),
    breakers: Sequence[Breaker] = (),
    began: datetime,
    now: datetime,
    max_attempts: int,
    jitter: Callable[[], float],
    is_late: bool = False,
) -> PageCommit:
    """Say all that a page's outcomes come to, ready to be committed in one piece.

    outcomes: one per target, in order. environments: registrations that
    turned out to belong to another of Apple's worlds. breakers: those that
    changed. began: when the attempt started. jitter: draws a number from 0
    to 1. is_late: the notification's time was over before the page was tried.
    """
    result = _Result(shard, notification, max_attempts, jitter, now)
    accepted = result.accepted
    for target, outcome in zip(page.targets, outcomes, strict=True):
        # The one value that most pushes come to, without a look-up.
        if outcome is ACCEPTED:
            accepted(target)
        else:
            result.apply(target, outcome, began)
    for target, due in page.resting:
        result.apply(target, Unsent(RESTING, due), began)
    for dropped in page.dropped:
        result.drop(dropped)
    return result.commit(page.cursor, environments, breakers, is_late=is_late)


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
        shard: Shard,
        notification: Notification,
        max_attempts: int,
        jitter: Callable[[], float],
        now: datetime,
    ) -> None:
        self._shard = shard
        self._now = now
        self._now_ms = to_ms(now)
        self._expires_at = notification.expires_at
        self._max_attempts = max_attempts
        self._jitter = jitter
        self._was_waiting = shard.source is ShardSource.RETRY
        self._keep = notification.options.record
        # What came to nothing once has a row already, which has to tell the end.
        self._keeps_accepted = self._keep is Record.ALL or (
            self._keep is Record.FAILURES and self._was_waiting
        )
        self._rows: list[DeliveryRow] = []
        self._prunes: list[Prune] = []
        self._deferred: list[DeferredRow] = []
        self._counts = dict.fromkeys(DeliveryState, 0)
        self._accepted = 0

    def accepted(self, target: Target) -> None:
        """Record what needs no more words."""
        self._accepted += 1
        if self._keeps_accepted:
            target_id, bucket, recipient, provider, _, _, _, _, _, attempts, is_registered, _ = (
                target
            )
            # A plain text, where an enum's member would cost the driver as much as the row.
            self._rows.append(
                _new_row(
                    DeliveryRow,
                    (
                        bucket,
                        recipient,
                        target_id,
                        _ACCEPTED,
                        provider._value_,
                        is_registered,
                        None,
                        None,
                        attempts + 1,
                        self._now_ms,
                    ),
                )
            )

    def apply(self, target: Target, outcome: Outcome | Unsent, began: datetime) -> None:
        """Note what follows from one outcome."""
        match outcome:
            case Accepted(message_id):
                self._record(target, DeliveryState.ACCEPTED, message_id=message_id)
            case TokenGone(reason, since):
                self._record(target, DeliveryState.GONE, reason)
                refreshed = from_ms(target.refreshed_ms)
                if target.is_registered and may_prune(since, refreshed=refreshed, began=began):
                    self._prunes.append(
                        Prune(target.id, target.token_hash, target.refreshed_ms, reason)
                    )
            case Rejected(reason):
                self._record(target, DeliveryState.REJECTED, reason)
            case Deferred():
                self._defer(target, outcome, self._max_attempts)
            case RefreshCredential(reason) | Misconfigured(reason):
                # Ours to fix. The delivery waits for that until its time is
                # over, and is never held against the token.
                self._defer(target, Deferred(reason, MISCONFIGURED_WAIT), max_attempts=None)
            case Unsent():
                self._put_back(target, outcome)
            case _:
                assert_never(outcome)

    def drop(self, dropped: Dropped) -> None:
        """Cancel a delivery whose registration is no longer there, or no longer wants it."""
        (bucket, recipient, target_id), attempts, reason = dropped
        self._count(DeliveryState.CANCELED)
        if self._keep is not Record.COUNTERS:
            self._rows.append(
                DeliveryRow(
                    bucket,
                    recipient,
                    target_id,
                    DeliveryState.CANCELED.value,
                    None,
                    True,  # noqa: FBT003 - a column of the row
                    None,
                    reason,
                    attempts,
                    self._now_ms,
                )
            )

    def commit(
        self,
        cursor: Cursor | None,
        environments: Sequence[tuple[bytes, bytes, Environment]],
        breakers: Sequence[Breaker],
        *,
        is_late: bool,
    ) -> PageCommit:
        """Hand over what was collected."""
        counts = self._counts
        counts[DeliveryState.ACCEPTED] += self._accepted
        if self._was_waiting:
            counts[DeliveryState.DEFERRED] -= self._accepted
        return PageCommit(
            shard=self._shard,
            cursor=cursor,
            at=self._now,
            deliveries=self._rows,
            prunes=self._prunes,
            deferred=self._deferred,
            environments=environments,
            counters=Counters(**{state.value: n for state, n in counts.items()}),
            breakers=breakers,
            is_late=is_late,
        )

    def _count(self, state: DeliveryState) -> None:
        """Count a delivery; one that was waiting is not waiting any more."""
        self._counts[state] += 1
        if self._was_waiting:
            self._counts[DeliveryState.DEFERRED] -= 1

    def _record(
        self,
        target: Target,
        state: DeliveryState,
        reason: str | None = None,
        message_id: str | None = None,
        *,
        calls: int = 1,
    ) -> None:
        """Record a delivery. calls: of its provider, just now."""
        self._count(state)
        if self._keep is Record.COUNTERS:
            return
        if state is DeliveryState.ACCEPTED and not self._keeps_accepted:
            return
        self._rows.append(
            DeliveryRow(
                target.bucket,
                target.recipient,
                target.id,
                state.value,
                target.provider.value,
                target.is_registered,
                message_id,
                reason,
                target.attempts + calls,
                self._now_ms,
            )
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
            self._record(target, DeliveryState.EXPIRED, outcome.reason)
            return
        self._record(target, DeliveryState.DEFERRED, outcome.reason)
        self._deferred.append(
            DeferredRow(target.bucket, target.recipient, target.id, to_ms(due), attempts)
        )

    def _put_back(self, target: Target, unsent: Unsent) -> None:
        """Have a delivery wait that was never attempted; its time may end meanwhile."""
        if unsent.due is None or self._now >= self._expires_at:
            self._record(target, DeliveryState.EXPIRED, unsent.reason, calls=0)
            return
        self._record(target, DeliveryState.DEFERRED, unsent.reason, calls=0)
        due_ms = to_ms(min(unsent.due, self._expires_at))
        self._deferred.append(
            DeferredRow(target.bucket, target.recipient, target.id, due_ms, target.attempts)
        )

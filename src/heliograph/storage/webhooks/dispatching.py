"""Which webhook is called next, with which events, by which node; and what came of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, delete, exists, select, update

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.ids import Id
from heliograph.core.model.webhook import Claimed, Dispatch, Event, EventKind, WebhookState
from heliograph.storage.database.bulk import deletion, insertion_of_missing, updating, write_rows
from heliograph.storage.tables.rows import optional_ms
from heliograph.storage.tables.webhooks import (
    webhook_attempts,
    webhook_dispatches,
    webhook_events,
    webhooks,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from heliograph.core.model.webhook import Attempt, Visit, Webhook

_KEY = ("webhook_id", "event_id")
_OWED = (
    webhook_events.c.application_id,
    webhook_events.c.id,
    webhook_events.c.kind,
    webhook_events.c.body,
    webhook_events.c.private,
    webhook_events.c.at_ms,
    webhook_dispatches.c.due_ms,
    webhook_dispatches.c.attempts,
)
_OF_ITS_EVENT = (webhook_events.c.application_id == webhook_dispatches.c.application_id) & (
    webhook_events.c.id == webhook_dispatches.c.event_id
)

_SELECT_OWED: Select[Any] = select(*_OWED)


def is_any_due(connection: Connection, now: datetime) -> bool:
    """Say whether any webhook may be called now."""
    return connection.execute(_callable(now).limit(1)).first() is not None


def claim(
    connection: Connection, now: datetime, leased_until: datetime, count: int, events: int
) -> list[tuple[Row[Any], Sequence[Row[Any]]]]:
    """Take webhooks and read what they are owed, oldest first; another node passes them over."""
    taken: list[tuple[Row[Any], Sequence[Row[Any]]]] = []
    for row in connection.execute(
        _callable(now).limit(count).with_for_update(skip_locked=True)
    ).all():
        connection.execute(
            update(webhooks)
            .where(webhooks.c.application_id == row.application_id, webhooks.c.id == row.id)
            .values(leased_until_ms=to_ms(leased_until), epoch=row.epoch + 1)
        )
        owed = connection.execute(
            _SELECT_OWED.select_from(webhook_dispatches.join(webhook_events, _OF_ITS_EVENT))
            .where(
                webhook_dispatches.c.webhook_id == row.id,
                webhook_dispatches.c.due_ms <= to_ms(now),
            )
            .order_by(webhook_dispatches.c.event_id)
            .limit(events)
        ).all()
        if not owed:
            _drop_orphans(connection, row.id, now)
        taken.append((row, owed))
    return taken


def _drop_orphans(connection: Connection, webhook_id: bytes, now: datetime) -> None:
    """Forget what is owed of events that retention took away while they were replayed.

    They would be due for ever, and nobody could send them.
    """
    is_kept = exists().where(_OF_ITS_EVENT)
    connection.execute(
        delete(webhook_dispatches).where(
            webhook_dispatches.c.webhook_id == webhook_id,
            webhook_dispatches.c.due_ms <= to_ms(now),
            ~is_kept,
        )
    )


def to_claimed(webhook: Webhook, row: Row[Any], owed: Sequence[Row[Any]]) -> Claimed:
    """Read what `claim` answered for one webhook."""
    dispatches = tuple(
        Dispatch(
            Event(
                Id(each.id),
                Id(each.application_id),
                EventKind(each.kind),
                from_ms(each.at_ms),
                json.loads(each.body),
                json.loads(each.private),
            ),
            each.attempts,
            from_ms(each.due_ms),
        )
        for each in owed
    )
    return Claimed(webhook, row.sealed, row.epoch + 1, dispatches)


def settle(connection: Connection, visit: Visit) -> bool:
    """Write what came of a claim; False, with nothing written, if it was no longer ours."""
    webhook = visit.webhook
    values: dict[str, Any] = {
        "failing_since_ms": optional_ms(webhook.failing_since),
        "failures": webhook.failures,
        "not_before_ms": to_ms(visit.not_before),
        "leased_until_ms": 0,
    }
    if webhook.state is WebhookState.DISABLED:
        # Only ever this way: somebody may have disabled it meanwhile.
        values |= {"state": webhook.state.value, "disabled_reason": webhook.disabled_reason}
    held = connection.execute(
        update(webhooks)
        .where(
            webhooks.c.application_id == webhook.application_id,
            webhooks.c.id == webhook.id,
            webhooks.c.epoch == visit.epoch,
        )
        .values(values)
    )
    if not held.rowcount:
        return False
    over = [(webhook.id, each.event_id) for each in visit.settled if each.due is None]
    again = [
        (webhook.id, each.event_id, to_ms(each.due), each.attempts)
        for each in visit.settled
        if each.due is not None
    ]
    made = [each.attempt for each in visit.settled if each.attempt is not None]
    write_rows(
        connection,
        deletion(webhook_dispatches, _KEY, over),
        updating(webhook_dispatches, _KEY, ("due_ms", "attempts"), again),
        insertion_of_missing(webhook_attempts, [_attempt(webhook, each) for each in made]),
    )
    return True


def free_webhooks(connection: Connection) -> None:
    """Take all claims back; called where no other process can hold one."""
    held = webhooks.c.leased_until_ms > 0
    connection.execute(update(webhooks).where(held).values(leased_until_ms=0))


def _callable(now: datetime) -> Any:
    """Select webhooks that may be called and have something due, the longest idle first."""
    at_ms = to_ms(now)
    has_due = exists().where(
        webhook_dispatches.c.webhook_id == webhooks.c.id, webhook_dispatches.c.due_ms <= at_ms
    )
    return (
        select(webhooks)
        .where(
            webhooks.c.state == WebhookState.ENABLED.value,
            webhooks.c.not_before_ms <= at_ms,
            webhooks.c.leased_until_ms <= at_ms,
            has_due,
        )
        .order_by(webhooks.c.not_before_ms)
    )


def _attempt(webhook: Webhook, attempt: Attempt) -> tuple[Any, ...]:
    return (
        webhook.id,
        attempt.id,
        attempt.event_id,
        attempt.kind.value,
        attempt.status,
        attempt.detail,
        attempt.duration_ms,
        to_ms(attempt.at),
    )

"""Ends what canceled and overdue notifications left behind, in small steps.

A canceled notification's shards end where nobody works on them, and what
waits for another try is dropped as canceled. A paused one whose time is over
expires: its targets are then read and recorded as such.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, exists, or_, select, update

from heliograph.core.clock import to_ms
from heliograph.core.model.delivery import DeliveryRow, DeliveryState
from heliograph.core.model.notification import NotificationState, Record
from heliograph.storage.database.database import Lane
from heliograph.storage.database.spelling import Statement
from heliograph.storage.notifications.documents import to_notification
from heliograph.storage.notifications.ending import expire
from heliograph.storage.shards.announcing import announce
from heliograph.storage.shards.recording import record
from heliograph.storage.tables.tables import deferred, notifications, shards
from heliograph.storage.webhooks.telling import tell_of_deliveries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.core.model.notification import Notification
    from heliograph.storage.database.database import Database

AT_ONCE = 16
"""Notifications that are looked at in one go."""

_KEYS = ("of_notification", "of_bucket", "of_recipient", "of_target")
_FORGET = Statement(
    lambda _: delete(deferred).where(
        deferred.c.notification_id == bindparam("of_notification"),
        deferred.c.bucket == bindparam("of_bucket"),
        deferred.c.recipient == bindparam("of_recipient"),
        deferred.c.target_id == bindparam("of_target"),
    )
)
_SETTLING = (NotificationState.CANCELED.value, NotificationState.PAUSED.value)


async def settle(database: Database, *, now: datetime, limit: int) -> int:
    """Do one step for each; answer how many rows changed, 0 when there is nothing to do.

    limit: rows that one transaction may touch, so that the writer is never held for long.
    """
    found = await database.read(lambda connection: _ended(connection, now))
    changed = 0
    for notification in found:
        step = partial(_step, notification=notification, now=now, limit=limit)
        changed += await database.write(step, Lane.PAGE)
    return changed


def _step(connection: Connection, *, notification: Notification, now: datetime, limit: int) -> int:
    if notification.state is NotificationState.CANCELED:
        return _drop(connection, notification, now, limit)
    expire(connection, notification.application_id, notification.id, now)
    announce(connection)
    return 1


def _ended(connection: Connection, now: datetime) -> list[Notification]:
    """Find notifications that were canceled, or paused until their time was over."""
    rows = connection.execute(
        select(notifications)
        .where(~notifications.c.is_settled, notifications.c.state.in_(_SETTLING))
        .order_by(notifications.c.state)
    ).all()
    ended = [
        found
        for found in map(to_notification, rows)
        if found.state is NotificationState.CANCELED or found.expires_at <= now
    ]
    return ended[:AT_ONCE]


def _drop(connection: Connection, notification: Notification, now: datetime, limit: int) -> int:
    """Take one step towards a canceled notification's end."""
    this = shards.c.notification_id == notification.id
    ended = connection.execute(
        update(shards)
        .where(this, ~shards.c.is_done, shards.c.leased_until_ms < to_ms(now))
        .values(is_done=True, epoch=shards.c.epoch + 1)
    ).rowcount
    rows = _waiting(connection, notification, limit)
    if rows:
        _cancel(connection, notification, rows, now)
        return ended + len(rows)
    is_left = connection.execute(
        select(
            or_(
                exists().where(this, ~shards.c.is_done),
                exists().where(deferred.c.notification_id == notification.id),
            )
        )
    ).scalar_one()
    if is_left:
        return ended
    connection.execute(
        update(notifications)
        .where(
            notifications.c.application_id == notification.application_id,
            notifications.c.id == notification.id,
        )
        .values(is_settled=True)
    )
    return ended + 1


def _waiting(connection: Connection, notification: Notification, limit: int) -> Sequence[Any]:
    """Read what waits and is in nobody's hands."""
    is_held = exists().where(shards.c.id == deferred.c.shard_id, ~shards.c.is_done)
    return connection.execute(
        select(deferred.c.bucket, deferred.c.recipient, deferred.c.target_id, deferred.c.attempts)
        .where(deferred.c.notification_id == notification.id, ~is_held)
        .limit(limit)
        .with_for_update(skip_locked=True, of=deferred)
    ).all()


def _cancel(
    connection: Connection, notification: Notification, rows: Sequence[Any], now: datetime
) -> None:
    """Count waiting deliveries as canceled, and record them so where records are kept."""
    canceled = [
        DeliveryRow(
            row.bucket,
            row.recipient,
            row.target_id,
            DeliveryState.CANCELED.value,
            None,
            True,  # noqa: FBT003 - a column of the row
            None,
            "the notification was canceled",
            row.attempts,
            to_ms(now),
        )
        for row in rows
    ]
    if notification.options.record is not Record.COUNTERS:
        record(connection, notification.id, canceled, are_new=False)
        tell_of_deliveries(connection, notification.application_id, notification.id, canceled, now)
    _FORGET.run_each(
        connection,
        _KEYS,
        [(notification.id, row.bucket, row.recipient, row.target_id) for row in rows],
    )
    one = select(shards.c.id).where(shards.c.notification_id == notification.id).limit(1)
    connection.execute(
        update(shards)
        .where(shards.c.id == one.scalar_subquery())
        .values(deferred=shards.c.deferred - len(rows), canceled=shards.c.canceled + len(rows))
    )

"""Forgets what is old, in steps so small that nobody waits for them.

A notification's deliveries go with it: they are found by its id, so that
they need no index by time. The last thing to go is the notification itself.

Source: docs/configuration.md, "retention".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, select, tuple_

from heliograph.core.clock import to_ms
from heliograph.core.ids import Id, first_id
from heliograph.core.model.notification import NotificationState
from heliograph.storage.database.database import Lane
from heliograph.storage.database.engines import is_in
from heliograph.storage.tables.silences import silences
from heliograph.storage.tables.tables import (
    audience_members,
    deferred,
    deliveries,
    departed_registrations,
    idempotency_keys,
    notifications,
    recipients,
    registrations,
    sessions,
    shards,
)
from heliograph.storage.tables.webhooks import (
    provider_messages,
    receipt_counters,
    receipts,
    webhook_attempts,
    webhook_dispatches,
    webhook_events,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Table

    from heliograph.core.stores.store import Retained
    from heliograph.storage.database.database import Database

_ENDED = (
    NotificationState.COMPLETED.value,
    NotificationState.CANCELED.value,
    NotificationState.EXPIRED.value,
)
_PARTS = (
    deliveries,
    deferred,
    recipients,
    audience_members,
    receipts,
    receipt_counters,
    provider_messages,
    shards,
)
"""What a notification consists of, in the order in which it goes."""


class SqlRetention:
    """Deletes what nobody is entitled to any more."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget_old(self, before: Retained, *, limit: int) -> int:
        """Delete up to `limit` rows of one kind; answer how many, 0 when none is left."""

        def work(connection: Connection) -> int:
            if before.departed is not None:
                is_old = departed_registrations.c.departed_ms < to_ms(before.departed)
                if gone := _delete(connection, departed_registrations, is_old, limit):
                    return gone
                # Of phones that departed otherwise, or that nobody wrote to any more.
                is_old = silences.c.latest_ms < to_ms(before.departed)
                if gone := _delete(connection, silences, is_old, limit):
                    return gone
            if before.idempotency_keys is not None:
                is_over = idempotency_keys.c.expires_ms < to_ms(before.idempotency_keys)
                if gone := _delete(connection, idempotency_keys, is_over, limit):
                    return gone
            if before.webhook_events is not None and (
                gone := _forget_events(connection, to_ms(before.webhook_events), limit)
            ):
                return gone
            if before.notifications is not None:
                return _forget_notification(connection, to_ms(before.notifications), limit)
            return 0

        if not await self._database.read(lambda connection: _has_old(connection, before)):
            return 0
        return await self._database.write(work, Lane.PAGE)

    async def forget_sessions(
        self, over_before: datetime, *, after: Id | None, limit: int
    ) -> Id | None:
        """Look at up to `limit` sessions by age, after one; delete those that are long over.

        By their ids, for no index knows when they end: the younger ones, of
        which none can be over that long, are not looked at.
        """
        some = (
            select(sessions.c.id, sessions.c.expires_ms)
            .where(sessions.c.id < first_id(over_before))
            .order_by(sessions.c.id)
            .limit(limit)
        )
        if after is not None:
            some = some.where(sessions.c.id > after)
        rows = await self._database.read(lambda connection: connection.execute(some).all())
        before_ms = to_ms(over_before)
        over = [row.id for row in rows if row.expires_ms < before_ms]
        if over:
            await self._database.write(
                lambda connection: _forget_unnamed(connection, over, before_ms), Lane.PAGE
            )
        return Id(rows[-1].id) if rows else None


def _forget_unnamed(connection: Connection, session_ids: list[bytes], before_ms: int) -> None:
    """Delete sessions that are over and through which nothing is registered any more.

    Of the others, signing out still takes away what they registered.
    """
    is_named = exists().where(
        registrations.c.application_id == sessions.c.application_id,
        registrations.c.member_id == sessions.c.member_id,
        registrations.c.session_id == sessions.c.id,
    )
    # Asked again: somebody's standing session may have been taken up meanwhile.
    is_over = sessions.c.expires_ms < before_ms
    connection.execute(
        delete(sessions).where(is_in(connection, sessions.c.id, session_ids), is_over, ~is_named)
    )


def _has_old(connection: Connection, before: Retained) -> bool:
    """Say whether there is anything to do: asked without a write."""
    conditions = (
        (departed_registrations.c.departed_ms, before.departed),
        (silences.c.latest_ms, before.departed),
        (idempotency_keys.c.expires_ms, before.idempotency_keys),
        (webhook_events.c.at_ms, before.webhook_events),
        (webhook_attempts.c.at_ms, before.webhook_events),
    )
    for column, instant in conditions:
        if instant is not None:
            found = select(column).where(column < to_ms(instant)).limit(1)
            if connection.execute(found).first() is not None:
                return True
    if before.notifications is None:
        return False
    return connection.execute(_old_notification(to_ms(before.notifications))).first() is not None


def _forget_events(connection: Connection, before_ms: int, limit: int) -> int:
    """Take away old events, with what is still owed of them, and old calls."""
    some = (
        select(webhook_events.c.id)
        .where(webhook_events.c.at_ms < before_ms)
        .order_by(webhook_events.c.at_ms)
        .limit(limit)
    )
    ids = connection.execute(some).scalars().all()
    if not ids:
        return _delete(connection, webhook_attempts, webhook_attempts.c.at_ms < before_ms, limit)
    for table, column in (
        (webhook_dispatches, webhook_dispatches.c.event_id),
        (webhook_events, webhook_events.c.id),
    ):
        connection.execute(delete(table).where(is_in(connection, column, ids)))
    return len(ids)


def _old_notification(before_ms: int) -> Any:
    """Find one that ended that long ago; what expired has not ended while pages are recorded.

    It was created before that, by which the index finds it.
    """
    return (
        select(notifications.c.application_id, notifications.c.id)
        .where(
            notifications.c.created_ms < before_ms,
            notifications.c.completed_ms < before_ms,
            notifications.c.state.in_(_ENDED),
        )
        .order_by(notifications.c.created_ms)
        .limit(1)
    )


def _forget_notification(connection: Connection, before_ms: int, limit: int) -> int:
    """Take away one part of the oldest notification that has ended long ago."""
    oldest = connection.execute(_old_notification(before_ms)).first()
    if oldest is None:
        return 0
    for table in _PARTS:
        is_of_it = table.c.notification_id == oldest.id
        if gone := _delete(connection, table, is_of_it, limit):
            return gone
    this = (
        notifications.c.application_id == oldest.application_id,
        notifications.c.id == oldest.id,
    )
    return connection.execute(delete(notifications).where(*this)).rowcount


def _delete(
    connection: Connection, table: Table, condition: ColumnElement[bool], limit: int
) -> int:
    """Delete some of the rows that meet a condition."""
    key = list(table.primary_key.columns)
    some = select(*key).where(condition).limit(limit)
    return connection.execute(delete(table).where(tuple_(*key).in_(some))).rowcount

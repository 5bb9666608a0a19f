"""Accepted notifications and the records of their deliveries, in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, tuple_

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.ids import Id
from heliograph.core.model.delivery import Cursor, Delivery, DeliveryState
from heliograph.core.model.notification import Counters, Notification, NotificationState
from heliograph.core.model.registration import ProviderName
from heliograph.storage.cutting import cut
from heliograph.storage.documents import (
    audience_text,
    content_text,
    options_text,
    to_audience,
    to_content,
    to_options,
)
from heliograph.storage.rows import optional_ms, optional_time
from heliograph.storage.tables import deliveries, notifications, shards

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from heliograph.storage.database import Database

COUNTED = ("accepted", "deferred", "rejected", "gone", "expired", "canceled")


class SqlNotifications:
    """Notifications in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def accept(self, notification: Notification) -> None:
        """Write a notification with its recipients and, if it runs, its shards."""

        def work(connection: Connection) -> None:
            connection.execute(
                insert(notifications),
                {
                    "application_id": notification.application_id,
                    "id": notification.id,
                    "audience": audience_text(notification.audience),
                    "content": content_text(notification.content),
                    "options": options_text(notification.options),
                    "state": notification.state.value,
                    "created_ms": to_ms(notification.created),
                    "started_ms": optional_ms(notification.started_at),
                },
            )
            if notification.state is NotificationState.RUNNING:
                cut(connection, notification, notification.started_at or notification.created)

        await self._database.write(work)

    async def notification(self, application_id: Id, notification_id: Id) -> Notification | None:
        """Read a notification."""
        query = select(notifications).where(
            notifications.c.application_id == application_id,
            notifications.c.id == notification_id,
        )
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return to_notification(row) if row is not None else None

    async def notifications(
        self, application_id: Id, *, before: Id | None, limit: int
    ) -> Sequence[Notification]:
        """List notifications, newest first."""
        query = (
            select(notifications)
            .where(notifications.c.application_id == application_id)
            .order_by(notifications.c.id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(notifications.c.id < before)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [to_notification(row) for row in rows]

    async def counters(self, notification_id: Id) -> Counters:
        """Sum a notification's shards."""
        query = select(*(func.coalesce(func.sum(shards.c[name]), 0) for name in COUNTED)).where(
            shards.c.notification_id == notification_id
        )
        row = await self._database.read(lambda connection: connection.execute(query).one())
        return Counters(*map(int, row))

    async def deliveries(
        self, notification_id: Id, *, after: Cursor | None, limit: int
    ) -> Sequence[Delivery]:
        """List deliveries in the order of the scan."""
        columns = deliveries.c
        key = (columns.bucket, columns.recipient, columns.target_id)
        query = (
            select(deliveries)
            .where(columns.notification_id == notification_id)
            .order_by(*key)
            .limit(limit)
        )
        if after is not None:
            query = query.where(tuple_(*key) > tuple(after))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_to_delivery(row) for row in rows]


def to_notification(row: Row[Any]) -> Notification:
    """Read a notification from a row of its table."""
    return Notification(
        id=Id(row.id),
        application_id=Id(row.application_id),
        audience=to_audience(row.audience),
        content=to_content(row.content),
        options=to_options(row.options),
        state=NotificationState(row.state),
        created=from_ms(row.created_ms),
        started_at=optional_time(row.started_ms),
        completed_at=optional_time(row.completed_ms),
    )


def _to_delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        notification_id=Id(row.notification_id),
        target_id=row.target_id,
        bucket=row.bucket,
        recipient=row.recipient,
        state=DeliveryState(row.state),
        provider=ProviderName(row.provider) if row.provider else None,
        attempts=row.attempts,
        at=from_ms(row.at_ms),
        is_registered=row.is_registered,
        provider_message_id=row.provider_message_id,
        reason=row.reason,
    )

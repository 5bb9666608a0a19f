"""Accepted notifications and the records of their deliveries, in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from heliograph.core.model.notification import Counters, Notification
from heliograph.core.stores.notifications import NO_FILTER
from heliograph.storage.notifications import acceptance
from heliograph.storage.notifications.documents import to_notification
from heliograph.storage.notifications.trail import find_deliveries
from heliograph.storage.tables.tables import COUNTED, notifications, shards

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.delivery import (
        Cursor,
        Delivery,
        DeliveryFilter,
        FirstPage,
        Reservation,
    )
    from heliograph.core.notifications.idempotency import IdempotencyKey, Remembered
    from heliograph.core.notifications.states import Step
    from heliograph.storage.database.database import Database


class SqlNotifications:
    """Notifications in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def accept(
        self, notification: Notification, key: IdempotencyKey | None = None
    ) -> Notification | None:
        """Write a notification with its recipients and, if it runs, its shards."""
        return await self._database.write(
            lambda connection: acceptance.accept(connection, notification, key)
        )

    async def accept_and_begin(
        self, notification: Notification, key: IdempotencyKey | None, place: Reservation
    ) -> tuple[Notification, FirstPage | None] | None:
        """Accept, and claim what is small for a place in the same transaction."""
        return await self._database.write(
            lambda connection: acceptance.accept_and_begin(connection, notification, key, place)
        )

    async def remembered(self, application_id: Id, key: str, *, now: datetime) -> Remembered | None:
        """Read what a key stands for, as long as it lives."""
        return await self._database.read(
            lambda connection: acceptance.recall(connection, application_id, key, now)
        )

    async def step(
        self, application_id: Id, notification_id: Id, step: Step, *, now: datetime
    ) -> Notification | None:
        """Take a step where the state allows it; answer the notification as it is then."""
        return await self._database.write(
            lambda connection: acceptance.take_step(
                connection, application_id, notification_id, step, now
            )
        )

    async def start_due(self, *, now: datetime) -> Id | None:
        """Start one scheduled notification that is due; None where there is none."""
        # Asked first without a write: an idle server must not wake the disk.
        if not await self._database.read(lambda c: acceptance.is_any_due(c, now)):
            return None
        return await self._database.write(lambda c: acceptance.start_due(c, now))

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
        self,
        notification: Notification,
        wanted: DeliveryFilter = NO_FILTER,
        *,
        after: Cursor | None,
        limit: int,
    ) -> Sequence[Delivery]:
        """List deliveries in the order of the scan."""
        return await self._database.read(
            lambda connection: find_deliveries(connection, notification, wanted, after, limit)
        )

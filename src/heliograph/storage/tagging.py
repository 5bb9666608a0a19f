"""Tags and subscriptions in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from heliograph.core.clock import to_ms
from heliograph.core.ids import Id, new_id
from heliograph.storage.engines import insert_missing
from heliograph.storage.tables import registrations, subscriptions, tags

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.storage.database import Database


class SqlTags:
    """Labels and who is subscribed to them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def subscribe(
        self, application_id: Id, registration_id: Id, label: str, *, now: datetime
    ) -> bool:
        """Add a subscription; False where the registration is gone."""

        def work(connection: Connection) -> bool:
            living = connection.execute(
                select(registrations.c.id)
                .where(
                    registrations.c.application_id == application_id,
                    registrations.c.bucket == registration_id[-1],
                    registrations.c.id == registration_id,
                )
                .with_for_update(read=True)
            ).one_or_none()
            if living is None:
                return False
            connection.execute(
                insert_missing(connection, tags),
                {"application_id": application_id, "label": label, "id": new_id(now)},
            )
            tag_id = connection.execute(
                select(tags.c.id).where(
                    tags.c.application_id == application_id, tags.c.label == label
                )
            ).scalar_one()
            connection.execute(
                insert_missing(connection, subscriptions),
                {
                    "application_id": application_id,
                    "tag_id": tag_id,
                    "bucket": registration_id[-1],
                    "registration_id": registration_id,
                    "created_ms": to_ms(now),
                },
            )
            return True

        return await self._database.write(work)

    async def unsubscribe(self, application_id: Id, registration_id: Id, label: str) -> None:
        """Take a subscription away, if it is there."""

        def work(connection: Connection) -> None:
            tag_id = select(tags.c.id).where(
                tags.c.application_id == application_id, tags.c.label == label
            )
            connection.execute(
                delete(subscriptions).where(
                    subscriptions.c.application_id == application_id,
                    subscriptions.c.tag_id == tag_id.scalar_subquery(),
                    subscriptions.c.bucket == registration_id[-1],
                    subscriptions.c.registration_id == registration_id,
                )
            )

        await self._database.write(work)

    async def labels_of(self, application_id: Id, registration_id: Id) -> Sequence[str]:
        """List a registration's labels in alphabetical order."""
        query = (
            select(tags.c.label)
            .join(
                subscriptions,
                (subscriptions.c.tag_id == tags.c.id)
                & (subscriptions.c.application_id == tags.c.application_id),
            )
            .where(
                subscriptions.c.application_id == application_id,
                subscriptions.c.registration_id == registration_id,
            )
            .order_by(tags.c.label)
        )
        return await self._database.read(
            lambda connection: connection.execute(query).scalars().all()
        )

"""Tags and subscriptions in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, delete, func, select, update

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.ids import Id
from heliograph.core.model.registration import ProviderName
from heliograph.core.model.tag import Subscribed, Subscription, Tag
from heliograph.core.model.webhook import EventKind
from heliograph.storage.database.engines import insert_missing, is_in
from heliograph.storage.registry.listing import conditions_of
from heliograph.storage.registry.subscribing import subscribe
from heliograph.storage.tables.rows import select_registrations, to_registration
from heliograph.storage.tables.tables import registrations, subscriptions, tags
from heliograph.storage.webhooks.telling import tell_of_subscriptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from heliograph.core.model.listing import Condition
    from heliograph.storage.database.database import Database


class SqlTags:
    """Labels and who is subscribed to them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_tag(self, tag: Tag) -> bool:
        """Write a tag; False where the label is taken."""

        def work(connection: Connection) -> bool:
            written = connection.execute(
                insert_missing(connection, tags).returning(tags.c.id),
                {
                    "application_id": tag.application_id,
                    "label": tag.label,
                    "id": tag.id,
                    "description": tag.description,
                    "created_ms": to_ms(tag.created),
                    "updated_ms": to_ms(tag.updated),
                },
            )
            return written.first() is not None

        return await self._database.write(work)

    async def tag(self, application_id: Id, label: str) -> Tag | None:
        """Read a tag."""
        query = select(tags).where(_named(application_id, label))
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return _to_tag(row) if row is not None else None

    async def change_tag(
        self, application_id: Id, label: str, description: str | None, *, now: datetime
    ) -> Tag | None:
        """Describe a tag anew; None where there is none."""
        change = (
            update(tags)
            .where(_named(application_id, label))
            .values(description=description, updated_ms=to_ms(now))
            .returning(*tags.c)
        )
        row = await self._database.write(
            lambda connection: connection.execute(change).one_or_none()
        )
        return _to_tag(row) if row is not None else None

    async def remove_tag(self, application_id: Id, label: str) -> bool:
        """Delete a tag with its subscriptions; False where there is none."""

        def work(connection: Connection) -> bool:
            tag_id = connection.execute(
                delete(tags).where(_named(application_id, label)).returning(tags.c.id)
            ).scalar_one_or_none()
            if tag_id is None:
                return False
            connection.execute(
                delete(subscriptions).where(
                    subscriptions.c.application_id == application_id,
                    subscriptions.c.tag_id == tag_id,
                )
            )
            return True

        return await self._database.write(work)

    async def tags(
        self, application_id: Id, conditions: Sequence[Condition], *, offset: int, limit: int
    ) -> tuple[Sequence[Tag], int]:
        """List tags by age from an offset; second, how many there are in all."""
        wanted = (tags.c.application_id == application_id, *conditions_of(conditions))
        query = select(tags).where(*wanted).order_by(tags.c.id).offset(offset).limit(limit)
        count = select(func.count()).select_from(tags).where(*wanted)
        rows, total = await self._page(query, count)
        return [_to_tag(row) for row in rows], total

    async def subscribe(
        self, application_id: Id, registration_id: Id, label: str, *, now: datetime
    ) -> Subscribed:
        """Add a subscription, making the tag if it is new."""

        def work(connection: Connection) -> Subscribed:
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
                return Subscribed.NO_REGISTRATION
            made = subscribe(connection, application_id, label, [registration_id], now)
            return Subscribed.NEW if made else Subscribed.ALREADY

        return await self._database.write(work)

    async def unsubscribe(
        self, application_id: Id, registration_id: Id, label: str, *, now: datetime
    ) -> bool:
        """Take a subscription away; False where there was none."""
        tag_id = select(tags.c.id).where(_named(application_id, label)).scalar_subquery()
        change = (
            delete(subscriptions)
            .where(
                subscriptions.c.application_id == application_id,
                subscriptions.c.tag_id == tag_id,
                subscriptions.c.bucket == registration_id[-1],
                subscriptions.c.registration_id == registration_id,
            )
            .returning(subscriptions.c.registration_id)
        )

        def work(connection: Connection) -> bool:
            gone = connection.execute(change).scalars().all()
            kind = EventKind.SUBSCRIPTION_DELETED
            tell_of_subscriptions(connection, kind, application_id, label, gone, now)
            return bool(gone)

        return await self._database.write(work)

    async def labels_of(self, application_id: Id, registration_id: Id) -> Sequence[str]:
        """List a registration's labels in alphabetical order."""
        query = (
            select(tags.c.label)
            .join(subscriptions, _OF_ITS_TAG)
            .where(
                subscriptions.c.application_id == application_id,
                subscriptions.c.registration_id == registration_id,
            )
            .order_by(tags.c.label)
        )
        return await self._database.read(
            lambda connection: connection.execute(query).scalars().all()
        )

    async def subscriptions(
        self, application_id: Id, conditions: Sequence[Condition], *, offset: int, limit: int
    ) -> tuple[Sequence[Subscription], int]:
        """List subscriptions by age from an offset; second, how many there are in all."""
        wanted = (
            subscriptions.c.application_id == application_id,
            *conditions_of(conditions),
        )
        query = (
            _select_subscriptions()
            .where(*wanted)
            .order_by(subscriptions.c.created_ms, tags.c.id, registrations.c.id)
            .offset(offset)
            .limit(limit)
        )
        count = _select_subscriptions().with_only_columns(func.count()).where(*wanted)
        rows, total = await self._page(query, count)
        return [_to_subscription(row) for row in rows], total

    async def subscription(
        self, application_id: Id, tag_id: Id, registration_id: Id
    ) -> Subscription | None:
        """Read one subscription."""
        query = _select_subscriptions().where(
            subscriptions.c.application_id == application_id,
            subscriptions.c.tag_id == tag_id,
            subscriptions.c.bucket == registration_id[-1],
            subscriptions.c.registration_id == registration_id,
        )
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return _to_subscription(row) if row is not None else None

    async def subscribers(
        self, application_id: Id, tag_ids: Sequence[Id]
    ) -> Mapping[Id, Mapping[ProviderName, int]]:
        """Count the subscriptions to each tag by provider."""
        joined = subscriptions.join(registrations, _OF_ITS_REGISTRATION)
        columns = (subscriptions.c.tag_id, registrations.c.provider)
        query = (
            select(*columns, func.count().label("number"))
            .select_from(joined)
            .where(subscriptions.c.application_id == application_id)
            .group_by(*columns)
        )

        def work(connection: Connection) -> dict[Id, dict[ProviderName, int]]:
            found: dict[Id, dict[ProviderName, int]] = {}
            wanted = query.where(is_in(connection, subscriptions.c.tag_id, tag_ids))
            for row in connection.execute(wanted):
                found.setdefault(Id(row.tag_id), {})[ProviderName(row.provider)] = row.number
            return found

        return await self._database.read(work)

    async def _page(self, query: Select[Any], count: Select[Any]) -> tuple[Sequence[Row[Any]], int]:
        def work(connection: Connection) -> tuple[Sequence[Row[Any]], int]:
            return connection.execute(query).all(), connection.execute(count).scalar_one()

        return await self._database.read(work)


_OF_ITS_TAG = and_(
    subscriptions.c.application_id == tags.c.application_id, subscriptions.c.tag_id == tags.c.id
)
_OF_ITS_REGISTRATION = and_(
    registrations.c.application_id == subscriptions.c.application_id,
    registrations.c.bucket == subscriptions.c.bucket,
    registrations.c.id == subscriptions.c.registration_id,
)


def _named(application_id: Id, label: str) -> Any:
    return and_(tags.c.application_id == application_id, tags.c.label == label)


def _select_subscriptions() -> Select[Any]:
    joined = tags.join(subscriptions, _OF_ITS_TAG).join(registrations, _OF_ITS_REGISTRATION)
    return select_registrations(joined).add_columns(
        tags.c.id.label("tag_id"),
        tags.c.label,
        subscriptions.c.created_ms.label("subscribed_ms"),
    )


def _to_tag(row: Row[Any]) -> Tag:
    return Tag(
        id=Id(row.id),
        application_id=Id(row.application_id),
        label=row.label,
        description=row.description,
        created=from_ms(row.created_ms),
        updated=from_ms(row.updated_ms),
    )


def _to_subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        tag_id=Id(row.tag_id),
        label=row.label,
        registration=to_registration(row),
        created=from_ms(row.subscribed_ms),
    )

"""Tags and subscriptions in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, select, update

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.ids import Id
from heliograph.core.model.listing import Part
from heliograph.core.model.registration import ProviderName
from heliograph.core.model.tag import Subscribed, Tag
from heliograph.core.model.webhook import EventKind
from heliograph.storage.database.engines import insert_missing, is_in
from heliograph.storage.registry.listing import conditions_of
from heliograph.storage.registry.subscribing import subscribe
from heliograph.storage.registry.subscriptions_by_age import (
    OF_ITS_REGISTRATION,
    OF_ITS_TAG,
    count_subscriptions,
    page_of_subscriptions,
    select_subscriptions,
    to_subscription,
)
from heliograph.storage.tables.tables import registrations, subscriptions, tags
from heliograph.storage.webhooks.telling import tell_of_subscriptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from heliograph.core.model.listing import Condition, Window
    from heliograph.core.model.tag import Subscription
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
        self, application_id: Id, conditions: Sequence[Condition], window: Window
    ) -> Part[Tag]:
        """List tags by age; their keys are their ids."""
        wanted = (tags.c.application_id == application_id, *conditions_of(conditions))
        count = select(func.count()).select_from(tags).where(*wanted)
        query = select(tags).where(*wanted)
        if window.before is not None:
            query = query.where(tags.c.id < window.before).order_by(tags.c.id.desc())
        elif window.after is not None:
            query = query.where(tags.c.id > window.after).order_by(tags.c.id)
        else:
            query = query.order_by(tags.c.id).offset(window.offset)

        def work(connection: Connection) -> Part[Tag]:
            found = [_to_tag(row) for row in connection.execute(query.limit(window.limit + 1))]
            items = found[: window.limit]
            if window.before is not None:
                items.reverse()
            has_more = bool(items) if window.before is not None else len(found) > window.limit
            return Part(items, has_more, connection.execute(count).scalar_one())

        return await self._database.read(work)

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
            .returning(subscriptions.c.tag_id)
        )

        def work(connection: Connection) -> bool:
            its = connection.execute(change).scalar_one_or_none()
            if its is None:
                return False
            kind, gone = EventKind.SUBSCRIPTION_DELETED, [registration_id]
            tell_of_subscriptions(connection, kind, application_id, label, its, gone, now)
            return True

        return await self._database.write(work)

    async def labels_of(self, application_id: Id, registration_id: Id) -> Sequence[str]:
        """List a registration's labels in alphabetical order."""
        query = (
            select(tags.c.label)
            .join(subscriptions, OF_ITS_TAG)
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
        self, application_id: Id, conditions: Sequence[Condition], window: Window
    ) -> Part[Subscription]:
        """List subscriptions by their registrations' age."""
        return await self._database.read(
            lambda connection: page_of_subscriptions(connection, application_id, conditions, window)
        )

    async def count_subscriptions(self, application_id: Id, conditions: Sequence[Condition]) -> int:
        """Count subscriptions."""
        return await self._database.read(
            lambda connection: count_subscriptions(connection, application_id, conditions)
        )

    async def subscription(
        self, application_id: Id, tag_id: Id, registration_id: Id
    ) -> Subscription | None:
        """Read one subscription."""
        query = select_subscriptions().where(
            subscriptions.c.application_id == application_id,
            subscriptions.c.tag_id == tag_id,
            subscriptions.c.bucket == registration_id[-1],
            subscriptions.c.registration_id == registration_id,
        )
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return to_subscription(row) if row is not None else None

    async def subscribers(
        self, application_id: Id, tag_ids: Sequence[Id]
    ) -> Mapping[Id, Mapping[ProviderName, int]]:
        """Count the subscriptions to each tag by provider."""
        joined = subscriptions.join(registrations, OF_ITS_REGISTRATION)
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


def _named(application_id: Id, label: str) -> Any:
    return and_(tags.c.application_id == application_id, tags.c.label == label)


def _to_tag(row: Row[Any]) -> Tag:
    return Tag(
        id=Id(row.id),
        application_id=Id(row.application_id),
        label=row.label,
        description=row.description,
        created=from_ms(row.created_ms),
        updated=from_ms(row.updated_ms),
    )

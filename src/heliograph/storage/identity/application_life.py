"""Whole applications: their defaults, and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Table, delete, or_, select, tuple_, update

from heliograph.storage.database.database import Lane
from heliograph.storage.tables.tables import aliases, applications, metadata, notifications
from heliograph.storage.tables.tallies import registration_tallies
from heliograph.storage.tables.webhooks import webhooks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from heliograph.core.ids import Id
    from heliograph.core.model.application import Defaults
    from heliograph.storage.database.database import Database

_PARENTS = (("notification_id", notifications), ("webhook_id", webhooks))
"""What rows without an application's id belong to."""


class SqlApplications:
    """Changes and deletes applications."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def change_defaults(self, application_id: Id, defaults: Defaults) -> None:
        """Write what an application assumes."""
        change = (
            update(applications)
            .where(applications.c.id == application_id)
            .values(
                default_bundle_id=defaults.bundle_id,
                default_environment=defaults.environment.value,
            )
        )
        await self._database.write(lambda connection: connection.execute(change))

    async def forget_some(self, application_id: Id, *, limit: int) -> int:
        """Delete some of what an application has, itself excepted."""
        return await self._database.write(
            lambda connection: _forget(connection, application_id, limit), Lane.PAGE
        )

    async def remove(self, application_id: Id) -> None:
        """Delete an application with whatever it still has."""

        def work(connection: Connection) -> None:
            # Tallies behind what they count, or it would be counted again as it goes.
            for table, condition in _owned(application_id):
                connection.execute(delete(table).where(condition))
            connection.execute(delete(applications).where(applications.c.id == application_id))

        await self._database.write(work)


def _forget(connection: Connection, application_id: Id, limit: int) -> int:
    gone = 0
    for table, condition in _owned(application_id):
        if table is registration_tallies:
            # Some of its rows without the others would be a wrong number, and stay one.
            continue
        key = tuple_(*table.primary_key.columns)
        some = select(*table.primary_key.columns).where(condition).limit(limit - gone)
        gone += connection.execute(delete(table).where(key.in_(some))).rowcount
        if gone >= limit:
            break
    return gone


def _owned(application_id: Id) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Say which rows of which table are an application's.

    What counts others comes last, and so does what others belong to.
    """
    last = [registration_tallies, *(parent for _, parent in _PARENTS)]
    for table in metadata.tables.values():
        if table in last or table is applications:
            continue
        if table is aliases:
            yield table, or_(table.c.scope_id == application_id, table.c.id == application_id)
        elif "application_id" in table.c:
            yield table, table.c.application_id == application_id
        else:
            for name, parent in _PARENTS:
                if name in table.c:
                    ours = select(parent.c.id).where(parent.c.application_id == application_id)
                    yield table, table.c[name].in_(ours)
    for table in last:
        yield table, table.c.application_id == application_id

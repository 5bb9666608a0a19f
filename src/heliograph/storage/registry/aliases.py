"""Aliases in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select

from heliograph.core.ids import Id
from heliograph.storage.database.engines import insert_missing
from heliograph.storage.tables.tables import aliases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from heliograph.storage.database.database import Database


class SqlAliases:
    """Short values for ids."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_alias(self, kind: str, scope_id: Id, value: str) -> Id | None:
        """Answer what a value stands for."""
        query = select(aliases.c.id).where(
            aliases.c.kind == kind, aliases.c.scope_id == scope_id, aliases.c.value == value
        )
        found = await self._database.read(
            lambda connection: connection.execute(query).scalar_one_or_none()
        )
        return None if found is None else Id(found)

    async def alias_of(self, kind: str, scope_id: Id, thing_id: Id) -> str | None:
        """Answer an id's value."""
        query = select(aliases.c.value).where(
            aliases.c.kind == kind, aliases.c.scope_id == scope_id, aliases.c.id == thing_id
        )
        return await self._database.read(
            lambda connection: connection.execute(query).scalar_one_or_none()
        )

    async def aliases(self, kind: str, scope_id: Id) -> Mapping[Id, str]:
        """Answer every value of a kind, by the id that it stands for."""
        query = select(aliases.c.id, aliases.c.value).where(
            aliases.c.kind == kind, aliases.c.scope_id == scope_id
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {Id(row.id): row.value for row in rows}

    async def add_alias(self, kind: str, scope_id: Id, value: str, thing_id: Id) -> bool:
        """Write an alias; False where the value or the id has one already."""

        def work(connection: Connection) -> bool:
            written = connection.execute(
                insert_missing(connection, aliases).returning(aliases.c.value),
                {"kind": kind, "scope_id": scope_id, "value": value, "id": thing_id},
            )
            return written.first() is not None

        return await self._database.write(work)

    async def move_alias(self, kind: str, scope_id: Id, value: str, thing_id: Id) -> None:
        """Write an alias in place of those that the value and the id have."""
        others = delete(aliases).where(
            aliases.c.kind == kind,
            aliases.c.scope_id == scope_id,
            or_(aliases.c.value == value, aliases.c.id == thing_id),
        )

        def work(connection: Connection) -> None:
            connection.execute(others)
            # Of two moves at once on PostgreSQL the one that committed stays.
            connection.execute(
                insert_missing(connection, aliases),
                {"kind": kind, "scope_id": scope_id, "value": value, "id": thing_id},
            )

        await self._database.write(work)

    async def drop_alias(self, kind: str, scope_id: Id, value: str) -> None:
        """Forget what a value stands for."""
        change = delete(aliases).where(
            aliases.c.kind == kind, aliases.c.scope_id == scope_id, aliases.c.value == value
        )
        await self._database.write(lambda connection: connection.execute(change))

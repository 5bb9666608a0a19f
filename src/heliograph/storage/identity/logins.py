"""Logins in a database."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.errors import Conflict
from heliograph.core.ids import Id
from heliograph.core.model.identity import Login, SessionForm
from heliograph.core.stores.logins import StoredLogin
from heliograph.storage.database.engines import insert_missing, lock_keys
from heliograph.storage.tables.logins import logins
from heliograph.storage.tables.tables import users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row, Select

    from heliograph.storage.database.database import Database


class SqlLogins:
    """Names and passwords."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_login(self, login: Login, name_key: str, password_hash: str) -> None:
        """Write a login; raises Conflict where the name or the user has one already."""

        def work(connection: Connection) -> bool:
            written = connection.execute(
                insert_missing(connection, logins).returning(logins.c.id),
                {
                    "application_id": login.application_id,
                    "id": login.id,
                    "form": login.form.value,
                    "name": login.name,
                    "name_key": name_key,
                    "user_id": login.user_id,
                    "password_hash": password_hash,
                    "created_ms": to_ms(login.created),
                    "updated_ms": to_ms(login.updated),
                },
            )
            return written.first() is not None

        if not await self._database.write(work):
            raise Conflict("login", login.name)

    async def login(self, application_id: Id, login_id: Id) -> Login | None:
        """Read a login."""
        query = _select().where(logins.c.application_id == application_id, logins.c.id == login_id)
        rows = await self._all(query)
        return _to_login(rows[0]) if rows else None

    async def login_by_name(
        self, application_id: Id, form: SessionForm, name_key: str
    ) -> StoredLogin | None:
        """Find a login by its name."""
        return await self._one(application_id, form, logins.c.name_key == name_key)

    async def login_of_user(
        self, application_id: Id, form: SessionForm, user_id: Id
    ) -> StoredLogin | None:
        """Find a login by its user."""
        return await self._one(application_id, form, logins.c.user_id == user_id)

    async def logins(self, application_id: Id, *, after: Id | None, limit: int) -> Sequence[Login]:
        """List an application's logins by age."""
        query = (
            _select()
            .where(logins.c.application_id == application_id)
            .order_by(logins.c.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(logins.c.id > after)
        return [_to_login(row) for row in await self._all(query)]

    async def change_login(
        self,
        login: Login,
        name_key: str,
        password_hash: str | None,
        *,
        held: str | None = None,
    ) -> bool:
        """Write a login's name and password; raises Conflict where the name is another's."""
        place = [logins.c.application_id == login.application_id, logins.c.id == login.id]
        if held is not None:
            place.append(logins.c.password_hash == held)
        named = select(logins.c.id).where(
            logins.c.application_id == login.application_id,
            logins.c.form == login.form.value,
            logins.c.name_key == name_key,
            logins.c.id != login.id,
        )
        values: dict[str, Any] = {
            "name": login.name,
            "name_key": name_key,
            "updated_ms": to_ms(login.updated),
        }
        if password_hash is not None:
            values["password_hash"] = password_hash

        def work(connection: Connection) -> bool:
            lock_keys(connection, [_lock_of(login, name_key)])
            if connection.execute(named).first() is not None:
                raise Conflict("login", login.name)
            changed = connection.execute(update(logins).where(*place).values(values))
            return changed.rowcount > 0

        return await self._database.write(work)

    async def remove_login(self, application_id: Id, login_id: Id) -> bool:
        """Delete a login; False where there is none."""
        change = delete(logins).where(
            logins.c.application_id == application_id, logins.c.id == login_id
        )
        return await self._database.write(
            lambda connection: connection.execute(change).rowcount > 0
        )

    async def _one(self, application_id: Id, form: SessionForm, is_it: Any) -> StoredLogin | None:
        query = _select().where(
            logins.c.application_id == application_id, logins.c.form == form.value, is_it
        )
        rows = await self._all(query)
        return StoredLogin(_to_login(rows[0]), rows[0].password_hash) if rows else None

    async def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        return await self._database.read(lambda connection: connection.execute(query).all())


def _select() -> Select[Any]:
    return select(logins, users.c.external_id).join(users, users.c.id == logins.c.user_id)


def _to_login(row: Row[Any]) -> Login:
    return Login(
        id=Id(row.id),
        application_id=Id(row.application_id),
        form=SessionForm(row.form),
        name=row.name,
        user_id=Id(row.user_id),
        created=from_ms(row.created_ms),
        updated=from_ms(row.updated_ms),
        external_user_id=row.external_id,
    )


def _lock_of(login: Login, name_key: str) -> bytes:
    place = login.application_id + f"{login.form}:{name_key}".encode()
    return hashlib.sha256(place).digest()

"""Users, seen from the account that has them, in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, exists, select

from heliograph.core.clock import from_ms
from heliograph.core.ids import Id
from heliograph.core.model.identity import User
from heliograph.core.model.registration import DepartureReason, UserKey
from heliograph.storage.database.database import Lane
from heliograph.storage.database.engines import is_in, lock_keys
from heliograph.storage.registry.changes import remove_registrations
from heliograph.storage.registry.leaves import lock_leave
from heliograph.storage.registry.members import lock_of
from heliograph.storage.tables.logins import logins
from heliograph.storage.tables.rows import select_registrations, to_registration
from heliograph.storage.tables.tables import members, registrations, sessions, users

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row, Select

    from heliograph.storage.database.database import Database


class SqlPeople:
    """Users in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recent(
        self, account_id: Id, application_id: Id | None, *, before: Id | None, limit: int
    ) -> Sequence[User]:
        """List an account's users, or an application's, newest first."""
        query = _select_users(account_id, application_id).order_by(users.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(users.c.id < before)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_to_user(row) for row in rows]

    async def user(self, account_id: Id, application_id: Id | None, user_id: Id) -> User | None:
        """Read a user."""
        query = _select_users(account_id, application_id).where(users.c.id == user_id)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _to_user(row)

    async def remove(self, account_id: Id, user_id: Id, *, now: datetime) -> bool:
        """Delete a user with their registrations, sessions and logins."""
        is_it = and_(users.c.id == user_id, users.c.account_id == account_id)
        memberships = select(members.c.application_id, members.c.id).where(
            members.c.user_id == user_id
        )

        def work(connection: Connection) -> bool:
            name = connection.execute(select(users.c.external_id).where(is_it)).scalar()
            if name is not None:
                lock_keys(connection, [lock_of(UserKey(account_id, name))])
            before = connection.execute(memberships).all()
            lock_leave(connection, *((Id(row.application_id), user_id) for row in before))
            lock_keys(connection, [row.id for row in before])
            if not connection.execute(delete(users).where(is_it)).rowcount:
                return False
            # Read after: who registered for them meanwhile kept them until then.
            theirs = connection.execute(memberships).all()
            connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
            places = [row.application_id for row in theirs]
            connection.execute(
                delete(logins).where(
                    is_in(connection, logins.c.application_id, places), logins.c.user_id == user_id
                )
            )
            for row in theirs:
                is_theirs = registrations.c.member_id == row.id
                _forget(connection, row.application_id, is_theirs, now, None)
            connection.execute(delete(members).where(members.c.user_id == user_id))
            return True

        return await self._database.write(work)

    async def forget_registrations(
        self, application_id: Id, origin: str, *, now: datetime, limit: int
    ) -> int:
        """Forget some of what was registered through one dialect."""
        is_its = registrations.c.origin == origin
        return await self._database.write(
            lambda connection: _forget(connection, application_id, is_its, now, limit), Lane.PAGE
        )


def _select_users(account_id: Id, application_id: Id | None) -> Select[Any]:
    query = select(users).where(users.c.account_id == account_id)
    if application_id is None:
        return query
    is_member = exists().where(
        members.c.application_id == application_id, members.c.user_id == users.c.id
    )
    return query.where(is_member)


def _forget(
    connection: Connection,
    application_id: bytes,
    condition: ColumnElement[bool],
    now: datetime,
    limit: int | None,
) -> int:
    rows = connection.execute(
        select_registrations()
        .where(registrations.c.application_id == application_id, condition)
        .order_by(registrations.c.bucket, registrations.c.id)
        .limit(limit)
        .with_for_update(of=registrations)
    ).all()
    if rows:
        leaving = [(to_registration(row), DepartureReason.UNREGISTERED) for row in rows]
        remove_registrations(connection, leaving, now)
    return len(rows)


def _to_user(row: Row[Any]) -> User:
    return User(Id(row.id), Id(row.account_id), row.external_id, from_ms(row.created_ms))

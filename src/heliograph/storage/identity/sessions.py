"""Sessions in a database: how rows become sessions, and what users do about theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.errors import NotAuthenticated
from heliograph.core.ids import Id
from heliograph.core.model.identity import Session, SessionForm, SessionKind
from heliograph.core.model.registration import DepartureReason
from heliograph.core.stores.logins import StoredSession
from heliograph.storage.database.engines import insert_missing, is_in, lock_keys
from heliograph.storage.registry.changes import remove_registrations
from heliograph.storage.registry.leaves import lock_leave
from heliograph.storage.tables.logins import revocations
from heliograph.storage.tables.rows import select_registrations, to_registration
from heliograph.storage.tables.tables import members, registrations, sessions, users
from heliograph.storage.webhooks.outbox import wishes_of
from heliograph.storage.webhooks.telling import tell_of_registrations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row, Select

    from heliograph.storage.database.database import Database


class SqlSessions:
    """Sessions of users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prolong(self, session_id: Id, expires_at: datetime) -> bool:
        """Let a session, and what it registered, last longer; False if it is gone."""

        def work(connection: Connection) -> bool:
            # First, as where a session ends: it waits for batches that hold it.
            row = connection.execute(
                update(sessions)
                .where(sessions.c.id == session_id)
                .values(expires_ms=to_ms(expires_at))
                .returning(sessions.c.application_id, sessions.c.member_id)
            ).one_or_none()
            if row is None:
                return False
            connection.execute(
                update(registrations)
                .where(
                    registrations.c.application_id == row.application_id,
                    registrations.c.member_id == row.member_id,
                    registrations.c.session_id == session_id,
                    registrations.c.silent_after_ms.is_not(None),
                )
                .values(silent_after_ms=to_ms(expires_at))
            )
            return True

        return await self._database.write(work)

    async def sessions_of(
        self, application_id: Id, user_id: Id, form: SessionForm, kind: SessionKind
    ) -> Sequence[Session]:
        """List a user's sessions by age."""
        rows = await self._of(application_id, user_id, form, kind)
        return [to_session(row) for row in rows]

    async def count_open(
        self, member_id: Id, form: SessionForm, kind: SessionKind, *, now: datetime
    ) -> int:
        """Count a member's sessions that are not over."""
        query = select(func.count()).where(
            sessions.c.member_id == member_id,
            sessions.c.form == form.value,
            sessions.c.kind == kind.value,
            sessions.c.expires_ms > to_ms(now),
        )
        return await self._database.read(lambda connection: connection.execute(query).scalar_one())

    async def shown_sessions_of(
        self, application_id: Id, user_id: Id, form: SessionForm, kind: SessionKind
    ) -> Sequence[StoredSession]:
        """List a user's sessions whose tokens were kept, by age."""
        rows = await self._of(application_id, user_id, form, kind)
        return [StoredSession(to_session(row), row.sealed) for row in rows if row.sealed]

    async def add_shown_session(
        self, stored: StoredSession, token_hash: bytes, *, maker: Id, most: int
    ) -> bool:
        """Write a session and its token; False where the user has `most` of the kind.

        Raises NotAuthenticated if the session that makes it has ended meanwhile.
        """

        def work(connection: Connection) -> bool:
            if len(_held_beside(connection, stored.session, maker)) >= most:
                return False
            connection.execute(insert(sessions), row_of(stored.session, token_hash, stored.sealed))
            return True

        return await self._database.write(work)

    async def replace_shown_session(
        self, stored: StoredSession, token_hash: bytes, *, maker: Id, now: datetime
    ) -> Sequence[bytes]:
        """Write a session in place of the user's others of its form and kind.

        Answers the tokens' hashes of those that end. Raises NotAuthenticated as above.
        """

        def work(connection: Connection) -> Sequence[bytes]:
            former = _held_beside(connection, stored.session, maker)
            ended = end_sessions(connection, former, now) if former else ()
            connection.execute(insert(sessions), row_of(stored.session, token_hash, stored.sealed))
            return ended

        return await self._database.write(work)

    async def end_sessions(self, session_ids: Sequence[Id], *, now: datetime) -> Sequence[bytes]:
        """End sessions with all they registered; answer their tokens' hashes."""
        return await self._database.write(
            lambda connection: end_sessions(connection, session_ids, now)
        )

    async def user_named(self, account_id: Id, external_id: str) -> Id | None:
        """Find a user by the customer's own id."""
        query = select(users.c.id).where(
            users.c.account_id == account_id, users.c.external_id == external_id
        )
        found = await self._database.read(
            lambda connection: connection.execute(query).scalar_one_or_none()
        )
        return None if found is None else Id(found)

    async def revocations(self, application_id: Id, user_id: Id) -> int:
        """Say how often all that a user had signed was revoked."""
        query = select(revocations.c.number).where(
            revocations.c.application_id == application_id, revocations.c.user_id == user_id
        )
        found = await self._database.read(
            lambda connection: connection.execute(query).scalar_one_or_none()
        )
        return found or 0

    async def revoke(
        self, application_id: Id, user_id: Id, origin: str | None, *, now: datetime
    ) -> None:
        """Revoke all that was signed for a user until now, with what it was used for."""
        key = {"application_id": application_id, "user_id": user_id}
        place = (
            revocations.c.application_id == application_id,
            revocations.c.user_id == user_id,
        )

        def work(connection: Connection) -> None:
            # First: it waits for those who use it now, and so sees what they registered.
            lock_leave(connection, (application_id, user_id))
            connection.execute(insert_missing(connection, revocations), {**key, "number": 0})
            connection.execute(
                update(revocations).where(*place).values(number=revocations.c.number + 1)
            )
            if origin is not None:
                member = select(members.c.id).where(
                    members.c.application_id == application_id, members.c.user_id == user_id
                )
                _remove(
                    connection,
                    now,
                    registrations.c.application_id == application_id,
                    registrations.c.member_id == member.scalar_subquery(),
                    registrations.c.session_id.is_(None),
                    registrations.c.origin == origin,
                )

        await self._database.write(work)

    async def _of(
        self, application_id: Id, user_id: Id, form: SessionForm, kind: SessionKind
    ) -> Sequence[Row[Any]]:
        query = (
            select_sessions()
            .where(
                sessions.c.application_id == application_id,
                sessions.c.user_id == user_id,
                sessions.c.form == form.value,
                sessions.c.kind == kind.value,
            )
            .order_by(sessions.c.id)
        )
        return await self._database.read(lambda connection: connection.execute(query).all())


def end_sessions(
    connection: Connection, session_ids: Sequence[Id], now: datetime
) -> Sequence[bytes]:
    """Delete sessions with every registration made through them; answer their tokens' hashes."""
    # The delete comes first: it waits for batches that hold a session, and
    # so sees what they registered.
    ended = connection.execute(
        delete(sessions)
        .where(is_in(connection, sessions.c.id, session_ids))
        .returning(
            sessions.c.id,
            sessions.c.application_id,
            sessions.c.member_id,
            sessions.c.token_hash,
        )
    ).all()
    for row in ended:
        _remove(
            connection,
            now,
            registrations.c.application_id == row.application_id,
            registrations.c.member_id == row.member_id,
            registrations.c.session_id == row.id,
        )
    return [row.token_hash for row in ended]


def _held_beside(connection: Connection, session: Session, maker: Id) -> Sequence[Id]:
    """List what a member has of a session's form and kind, and keep it so.

    Raises NotAuthenticated if the session that makes another has ended meanwhile.
    """
    lock_keys(connection, [session.member_id])
    is_maker = select(sessions.c.id).where(sessions.c.id == maker)
    if connection.execute(is_maker.with_for_update(read=True)).first() is None:
        raise NotAuthenticated
    held = connection.execute(
        select(sessions.c.id).where(
            sessions.c.member_id == session.member_id,
            sessions.c.form == session.form.value,
            sessions.c.kind == session.kind.value,
        )
    )
    return [Id(row.id) for row in held]


def row_of(session: Session, token_hash: bytes, sealed: bytes | None = None) -> dict[str, Any]:
    """Spell a session's row."""
    return {
        "id": session.id,
        "account_id": session.account_id,
        "application_id": session.application_id,
        "user_id": session.user_id,
        "member_id": session.member_id,
        "form": session.form.value,
        "kind": session.kind.value,
        "label": session.label,
        "sealed": sealed,
        "token_hash": token_hash,
        "created_ms": to_ms(session.created),
        "expires_ms": to_ms(session.expires_at),
    }


def select_sessions() -> Select[Any]:
    """Ask for sessions with their users' own ids."""
    return select(sessions, users.c.external_id).join(users, users.c.id == sessions.c.user_id)


def to_session(row: Row[Any]) -> Session:
    """Read a session's row."""
    return Session(
        id=Id(row.id),
        account_id=Id(row.account_id),
        application_id=Id(row.application_id),
        user_id=Id(row.user_id),
        member_id=Id(row.member_id),
        form=SessionForm(row.form),
        created=from_ms(row.created_ms),
        expires_at=from_ms(row.expires_ms),
        external_user_id=row.external_id,
        kind=SessionKind(row.kind),
        label=row.label,
    )


def _remove(connection: Connection, now: datetime, *conditions: ColumnElement[bool]) -> None:
    leaving = connection.execute(
        select_registrations()
        .where(*conditions)
        .order_by(registrations.c.id)
        .with_for_update(of=registrations)
    ).all()
    if leaving:
        rows = [(to_registration(row), DepartureReason.SESSION_ENDED) for row in leaving]
        remove_registrations(connection, rows, now)
        wishes = wishes_of(connection, {row.application_id for row, _ in rows})
        tell_of_registrations(connection, now, wishes, deleted=rows)

"""Accounts, applications, API clients, users, sessions and sealed credentials."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, insert, select, update

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.ids import Id, new_id
from heliograph.core.model.application import Account, Application, Defaults
from heliograph.core.model.breaker import BreakerKey
from heliograph.core.model.identity import ApiClient, Member, Scope, Session, SessionForm, User
from heliograph.core.model.registration import (
    Environment,
    MemberKey,
    ProviderName,
    UserKey,
)
from heliograph.core.stores.applications import SealedCredential
from heliograph.storage.database.engines import insert_missing, upsert
from heliograph.storage.identity.sessions import end_sessions, row_of, select_sessions, to_session
from heliograph.storage.registry.member_states import merge_settings
from heliograph.storage.registry.members import ensure_member
from heliograph.storage.shards.breakers import close_breaker
from heliograph.storage.tables.tables import (
    accounts,
    api_clients,
    applications,
    credentials,
    members,
    sessions,
    users,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from heliograph.storage.database.database import Database

_TO_THE_DAY = timedelta(days=1)
"""What a standing session may lack of its life: it is not written at every call."""


class SqlIdentity:
    """Who is who, in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_account(self, account: Account) -> None:
        """Write an account."""
        await self._insert(
            accounts,
            {"id": account.id, "name": account.name, "created_ms": to_ms(account.created)},
        )

    async def accounts(self) -> Sequence[Account]:
        """List accounts by age."""
        rows = await self._all(select(accounts).order_by(accounts.c.id))
        return [Account(Id(row.id), row.name, from_ms(row.created_ms)) for row in rows]

    async def add_application(self, application: Application) -> None:
        """Write an application."""
        await self._insert(
            applications,
            {
                "id": application.id,
                "account_id": application.account_id,
                "name": application.name,
                "created_ms": to_ms(application.created),
                "default_bundle_id": application.defaults.bundle_id,
                "default_environment": application.defaults.environment.value,
                "settings": json.dumps(dict(application.settings)),
            },
        )

    async def application(self, application_id: Id) -> Application | None:
        """Read an application."""
        rows = await self._all(select(applications).where(applications.c.id == application_id))
        return _to_application(rows[0]) if rows else None

    async def applications(self, account_id: Id | None) -> Sequence[Application]:
        """List an account's applications by age, or everybody's."""
        query = select(applications).order_by(applications.c.id)
        if account_id is not None:
            query = query.where(applications.c.account_id == account_id)
        return [_to_application(row) for row in await self._all(query)]

    async def add_client(self, client: ApiClient, secret_hash: bytes) -> None:
        """Write an API client."""
        await self._insert(
            api_clients,
            {
                "id": client.id,
                "account_id": client.account_id,
                "application_id": client.application_id,
                "name": client.name,
                "scopes": " ".join(sorted(client.scopes)),
                "secret_hash": secret_hash,
                "created_ms": to_ms(client.created),
            },
        )

    async def client(self, client_id: Id) -> ApiClient | None:
        """Read an API client."""
        rows = await self._all(select(api_clients).where(api_clients.c.id == client_id))
        return _to_client(rows[0]) if rows else None

    async def client_by_secret(self, secret_hash: bytes) -> ApiClient | None:
        """Find the API client that holds a key."""
        query = select(api_clients).where(api_clients.c.secret_hash == secret_hash)
        rows = await self._all(query)
        return _to_client(rows[0]) if rows else None

    async def clients(self, account_id: Id | None) -> Sequence[ApiClient]:
        """List an account's API clients by age, or everybody's."""
        query = select(api_clients).order_by(api_clients.c.id)
        if account_id is not None:
            query = query.where(api_clients.c.account_id == account_id)
        return [_to_client(row) for row in await self._all(query)]

    async def ensure_member(
        self, account_id: Id, application_id: Id, external_id: str | None, *, now: datetime
    ) -> tuple[User, MemberKey]:
        """Find or make a user and their membership."""

        def work(connection: Connection) -> tuple[User, MemberKey]:
            if external_id is None:
                user = User(new_id(now), account_id, None, now)
                member = MemberKey(user.id, new_id(now))
                connection.execute(
                    insert(users),
                    {"id": user.id, "account_id": account_id, "created_ms": to_ms(now)},
                )
                connection.execute(
                    insert(members),
                    {
                        "application_id": application_id,
                        "user_id": user.id,
                        "id": member.member_id,
                    },
                )
                return user, member
            owner = UserKey(account_id, external_id)
            known = ensure_member(connection, application_id, owner, now=now)
            row = connection.execute(select(users).where(users.c.id == known.user_id)).one()
            return _to_user(row), known

        return await self._database.write(work)

    async def user(self, account_id: Id, user_id: Id) -> User | None:
        """Read a user."""
        query = select(users).where(users.c.id == user_id, users.c.account_id == account_id)
        rows = await self._all(query)
        return _to_user(rows[0]) if rows else None

    async def member_of_user(
        self, application_id: Id, user_id: Id, *, now: datetime
    ) -> MemberKey | None:
        """Find or make a known user's membership."""

        def work(connection: Connection) -> MemberKey | None:
            user = connection.execute(
                select(users.c.external_id)
                .join(applications, applications.c.account_id == users.c.account_id)
                .where(users.c.id == user_id, applications.c.id == application_id)
            ).one_or_none()
            if user is None:
                return None
            connection.execute(
                insert_missing(connection, members),
                {"application_id": application_id, "user_id": user_id, "id": new_id(now)},
            )
            member_id = connection.execute(
                select(members.c.id).where(
                    members.c.application_id == application_id, members.c.user_id == user_id
                )
            ).scalar_one()
            return MemberKey(user_id, Id(member_id), user.external_id)

        return await self._database.write(work)

    async def members(
        self, account_id: Id, *, member_id: Id | None = None, user_id: Id | None = None
    ) -> Sequence[Member]:
        """List memberships by id or of a user, in an account's applications."""
        query = (
            select(members)
            .join(applications, applications.c.id == members.c.application_id)
            .where(applications.c.account_id == account_id)
            .order_by(members.c.id)
        )
        if member_id is not None:
            query = query.where(members.c.id == member_id)
        if user_id is not None:
            query = query.where(members.c.user_id == user_id)
        return [
            Member(Id(row.id), Id(row.application_id), Id(row.user_id))
            for row in await self._all(query)
        ]

    async def users(self, account_id: Id | None, *, after: Id | None, limit: int) -> Sequence[User]:
        """List an account's users by age, or everybody's."""
        query = select(users).order_by(users.c.id).limit(limit)
        if account_id is not None:
            query = query.where(users.c.account_id == account_id)
        if after is not None:
            query = query.where(users.c.id > after)
        return [_to_user(row) for row in await self._all(query)]

    async def add_session(self, session: Session, token_hash: bytes) -> None:
        """Write a session."""
        await self._insert(sessions, row_of(session, token_hash))

    async def ensure_session(self, session: Session, token_hash: bytes) -> Session:
        """Write a session unless there is one with its token; answer the one that is there.

        That one then lasts as long as the new one would, to the day.
        """
        values = row_of(session, token_hash)
        query = select_sessions().where(sessions.c.token_hash == token_hash)
        ends_early = sessions.c.expires_ms < to_ms(session.expires_at - _TO_THE_DAY)
        prolong = (
            update(sessions)
            .where(sessions.c.token_hash == token_hash, ends_early)
            .values(expires_ms=to_ms(session.expires_at))
        )

        def work(connection: Connection) -> Session:
            connection.execute(insert_missing(connection, sessions), values)
            connection.execute(prolong)
            return to_session(connection.execute(query).one())

        return await self._database.write(work)

    async def change_settings(
        self, application_id: Id, section: str, values: Mapping[str, Any]
    ) -> None:
        """Lay values over one section of an application's settings."""
        await self._database.write(
            lambda connection: merge_settings(connection, application_id, section, values)
        )

    async def session_by_token(self, token_hash: bytes, form: SessionForm) -> Session | None:
        """Find the session behind a token of a form."""
        query = select_sessions().where(
            sessions.c.token_hash == token_hash, sessions.c.form == form.value
        )
        rows = await self._all(query)
        return to_session(rows[0]) if rows else None

    async def sessions(
        self, application_id: Id, *, after: Id | None, limit: int
    ) -> Sequence[Session]:
        """List an application's sessions by age."""
        query = (
            select_sessions()
            .where(sessions.c.application_id == application_id)
            .order_by(sessions.c.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(sessions.c.id > after)
        return [to_session(row) for row in await self._all(query)]

    async def end_session(self, session_id: Id, *, now: datetime) -> bool:
        """Delete a session with every registration that was made through it."""
        return await self._database.write(
            lambda connection: bool(end_sessions(connection, [session_id], now))
        )

    async def put_credential(
        self,
        application_id: Id,
        credential_id: Id,
        provider: ProviderName,
        environment: Environment,
        sealed: bytes,
        *,
        now: datetime,
    ) -> None:
        """Store a sealed credential in place of the former one."""

        def work(connection: Connection) -> None:
            changing = ("id", "sealed", "updated_ms")
            connection.execute(
                upsert(connection, credentials, changing=changing),
                {
                    "application_id": application_id,
                    "provider": provider.value,
                    "environment": environment.value,
                    "id": credential_id,
                    "sealed": sealed,
                    "updated_ms": to_ms(now),
                },
            )
            # What the former one held back may be sent by this one.
            close_breaker(connection, BreakerKey(application_id, provider, environment), now)

        await self._database.write(work)

    async def credentials(self, application_id: Id) -> Sequence[SealedCredential]:
        """List an application's sealed credentials."""
        query = select(credentials).where(credentials.c.application_id == application_id)
        return [
            SealedCredential(
                Id(row.id), ProviderName(row.provider), Environment(row.environment), row.sealed
            )
            for row in await self._all(query)
        ]

    async def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        return await self._database.read(lambda connection: connection.execute(query).all())

    async def _insert(self, table: Any, values: dict[str, Any]) -> None:
        def work(connection: Connection) -> None:
            connection.execute(insert(table), values)

        await self._database.write(work)


def _to_application(row: Row[Any]) -> Application:
    return Application(
        id=Id(row.id),
        account_id=Id(row.account_id),
        name=row.name,
        created=from_ms(row.created_ms),
        defaults=Defaults(row.default_bundle_id, Environment(row.default_environment)),
        settings=json.loads(row.settings),
    )


def _to_client(row: Row[Any]) -> ApiClient:
    return ApiClient(
        id=Id(row.id),
        account_id=Id(row.account_id),
        name=row.name,
        scopes=frozenset(map(Scope, row.scopes.split())),
        created=from_ms(row.created_ms),
        application_id=row.application_id,
    )


def _to_user(row: Row[Any]) -> User:
    return User(Id(row.id), Id(row.account_id), row.external_id, from_ms(row.created_ms))

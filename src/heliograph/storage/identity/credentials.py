"""An application's credentials, own and spare, in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, literal, select, union_all

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.ids import Id
from heliograph.core.model.application import ShelvedCredential
from heliograph.core.model.breaker import BreakerKey
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.stores.applications import SealedCredential
from heliograph.storage.shards.breakers import close_breaker
from heliograph.storage.tables.senders import spare_credentials
from heliograph.storage.tables.tables import credentials

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.storage.database.database import Database

_SHOWN = ("id", "provider", "environment", "updated_ms")
_MOVED = ("application_id", "id", "provider", "environment", "sealed", "updated_ms")


class SqlCredentials:
    """Credentials in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def shelf(self, application_id: Id) -> Sequence[ShelvedCredential]:
        """List an application's credentials by age, without their secrets."""
        own, spare = credentials.c, spare_credentials.c
        query = union_all(
            select(*(own[name] for name in _SHOWN), literal(1).label("is_own")).where(
                own.application_id == application_id
            ),
            select(*(spare[name] for name in _SHOWN), literal(0)).where(
                spare.application_id == application_id
            ),
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [
            ShelvedCredential(
                Id(row.id),
                application_id,
                ProviderName(row.provider),
                Environment(row.environment),
                is_own=bool(row.is_own),
                created=from_ms(int.from_bytes(row.id[:6], "big")),
                updated=from_ms(row.updated_ms),
            )
            for row in sorted(rows, key=lambda row: bytes(row.id))
        ]

    async def spare(self, application_id: Id) -> Sequence[SealedCredential]:
        """List an application's spare credentials, sealed."""
        query = select(spare_credentials).where(
            spare_credentials.c.application_id == application_id
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [
            SealedCredential(
                Id(row.id), ProviderName(row.provider), Environment(row.environment), row.sealed
            )
            for row in rows
        ]

    async def add_spare(
        self, application_id: Id, credential: SealedCredential, *, now: datetime
    ) -> None:
        """Write a spare credential."""
        values = {
            "application_id": application_id,
            "id": credential.id,
            "provider": credential.provider.value,
            "environment": credential.environment.value,
            "sealed": credential.sealed,
            "updated_ms": to_ms(now),
        }

        def work(connection: Connection) -> None:
            connection.execute(insert(spare_credentials), values)

        await self._database.write(work)

    async def make_own(self, application_id: Id, credential_id: Id, *, now: datetime) -> None:
        """Let a spare credential and the own one of its kind change places."""

        def work(connection: Connection) -> None:
            spare = spare_credentials.c
            row = connection.execute(
                delete(spare_credentials)
                .where(spare.application_id == application_id, spare.id == credential_id)
                .returning(*(spare[name] for name in _MOVED))
            ).one_or_none()
            if row is None:
                return
            own = credentials.c
            former = connection.execute(
                delete(credentials)
                .where(
                    own.application_id == application_id,
                    own.provider == row.provider,
                    own.environment == row.environment,
                )
                .returning(*(own[name] for name in _MOVED))
            ).one_or_none()
            at = {"updated_ms": to_ms(now)}
            connection.execute(insert(credentials), dict(row._mapping) | at)  # noqa: SLF001 - SQLAlchemy's public accessor
            if former is not None:
                connection.execute(insert(spare_credentials), dict(former._mapping) | at)  # noqa: SLF001 - likewise
            # What the former one held back may be sent by this one.
            key = BreakerKey(
                application_id, ProviderName(row.provider), Environment(row.environment)
            )
            close_breaker(connection, key, now)

        await self._database.write(work)

    async def remove_credential(self, application_id: Id, credential_id: Id) -> None:
        """Delete a credential, own or spare."""

        def work(connection: Connection) -> None:
            for table in (credentials, spare_credentials):
                connection.execute(
                    delete(table).where(
                        table.c.application_id == application_id, table.c.id == credential_id
                    )
                )

        await self._database.write(work)

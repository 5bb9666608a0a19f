"""The whole store: one database, one adapter per port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from heliograph.core.errors import Unavailable
from heliograph.storage.database.migrate import upgrade
from heliograph.storage.database.postgresql import PostgresDatabase
from heliograph.storage.database.sqlite import SqliteDatabase
from heliograph.storage.identity.application_life import SqlApplications
from heliograph.storage.identity.credentials import SqlCredentials
from heliograph.storage.identity.identity import SqlIdentity
from heliograph.storage.identity.issuers import SqlIssuers, SqlNonces
from heliograph.storage.identity.logins import SqlLogins
from heliograph.storage.identity.people import SqlPeople
from heliograph.storage.identity.sessions import SqlSessions
from heliograph.storage.notifications.audiences import SqlAudiences
from heliograph.storage.notifications.notifications import SqlNotifications
from heliograph.storage.notifications.receipts import SqlReceipts
from heliograph.storage.notifications.recipients import SqlRecipients
from heliograph.storage.notifications.retention import SqlRetention
from heliograph.storage.registry.aliases import SqlAliases
from heliograph.storage.registry.member_states import SqlMemberStates
from heliograph.storage.registry.registry import SqlRegistry
from heliograph.storage.registry.tagging import SqlTags
from heliograph.storage.shards.breakers import SqlBreakers
from heliograph.storage.shards.ledger import SqlLedger, free_all
from heliograph.storage.webhooks.dispatching import free_webhooks
from heliograph.storage.webhooks.webhooks import SqlWebhooks

if TYPE_CHECKING:
    from pathlib import Path

    from heliograph.config import Storage
    from heliograph.core.right_of_way import RightOfWay
    from heliograph.storage.database.database import Database


class SqlStore:
    """Everything that is kept, in one database of either engine."""

    def __init__(self, database: Database, *, batch_size: int) -> None:
        self._database = database
        self.registry = SqlRegistry(database, batch_size=batch_size)
        self.tags = SqlTags(database)
        self.aliases = SqlAliases(database)
        self.identity = SqlIdentity(database)
        self.applications = SqlApplications(database)
        self.logins = SqlLogins(database)
        self.sessions = SqlSessions(database)
        self.credentials = SqlCredentials(database)
        self.people = SqlPeople(database)
        self.recipients = SqlRecipients(database)
        self.notifications = SqlNotifications(database)
        self.audiences = SqlAudiences(database)
        self.ledger = SqlLedger(database)
        self.breakers = SqlBreakers(database)
        self.webhooks = SqlWebhooks(database)
        self.receipts = SqlReceipts(database)
        self.issuers = SqlIssuers(database)
        self.nonces = SqlNonces(database)
        self.members = SqlMemberStates(database)
        self.retention = SqlRetention(database)

    async def is_ready(self) -> bool:
        """Say whether the database answers reads and takes writes now."""
        try:
            await self._database.read(lambda connection: connection.execute(text("SELECT 1")).all())
            await self._database.write(
                lambda connection: connection.execute(text("SELECT 1")).all()
            )
        except Unavailable:
            return False
        return True

    async def close(self) -> None:
        """Write what is waiting, then close the database."""
        await self.registry.drain()
        await self.receipts.drain()
        await self._database.close()


async def open_store(
    config: Storage, directory: Path, *, exclusive: bool = True, way: RightOfWay | None = None
) -> SqlStore:
    """Open the database, bring its tables up to date, and answer the store.

    directory: where SQLite keeps its file. exclusive: take SQLite's lock, as
    a server does. Raises DatabaseInUse, DatabaseTooNew, Unavailable.
    """
    database: Database
    if config.database_url is not None:
        database = PostgresDatabase(
            config.database_url.get_secret_value(),
            pool_size=config.pool_size,
            timeout_s=config.timeout_s,
        )
    else:
        database = SqliteDatabase(
            directory,
            readers=config.readers,
            timeout_s=config.timeout_s,
            exclusive=exclusive,
            way=way,
        )
    try:
        await database.write(upgrade)
        if exclusive and config.database_url is None:
            # Nobody else can hold a lease here: what a crash left behind is free at once.
            await database.write(free_all)
            await database.write(free_webhooks)
    except BaseException:
        await database.close()
        raise
    return SqlStore(database, batch_size=config.batch_size)

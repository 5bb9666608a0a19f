"""The registry of registrations, behind the core's `RegistryStore` port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import tuple_

from heliograph.storage.database.group_commit import GroupCommit
from heliograph.storage.registry.batch import remove_of_member, run_batch, synchronize
from heliograph.storage.registry.by_age import count, page_by_age
from heliograph.storage.registry.commands import (
    Answer,
    Change,
    Command,
    Register,
    Remove,
    Unregister,
)
from heliograph.storage.registry.listing import wanted_by
from heliograph.storage.tables.rows import select_registrations, to_registration
from heliograph.storage.tables.tables import registrations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.core.errors import CoreError
    from heliograph.core.ids import Id
    from heliograph.core.model.listing import Part, RegistrationFilter, Window
    from heliograph.core.model.registration import (
        Changes,
        Draft,
        Owner,
        ProviderName,
        Registration,
        Slot,
    )
    from heliograph.storage.database.database import Database


class SqlRegistry:
    """Registrations in a database; every write goes through the group commit."""

    def __init__(self, database: Database, *, batch_size: int) -> None:
        self._database = database
        self._commits: GroupCommit[Command, Answer] = GroupCommit(
            self._commit, size=batch_size, at_once=database.writers
        )

    async def register(self, draft: Draft) -> Registration:
        """Write a draft; raises Conflict or NotAuthenticated."""
        registration = await self._commits.submit(Register(draft))
        assert registration is not None
        return registration

    async def unregister(
        self,
        application_id: Id,
        slot: Slot,
        owner: Owner | None,
        *,
        provider: ProviderName | None,
        token: str | None,
        now: datetime,
    ) -> Registration | None:
        """Empty a slot; answer what filled it."""
        command = Unregister(application_id, now, slot, owner, provider, token)
        return await self._commits.submit(command)

    async def remove(
        self, application_id: Id, registration_id: Id, *, now: datetime
    ) -> Registration | None:
        """Forget one registration."""
        return await self._commits.submit(Remove(application_id, now, registration_id))

    async def change(
        self, application_id: Id, registration_id: Id, changes: Changes, *, now: datetime
    ) -> Registration | None:
        """Change one registration in place."""
        return await self._commits.submit(Change(application_id, now, registration_id, changes))

    async def get(self, application_id: Id, registration_id: Id) -> Registration | None:
        """Read one registration by its key: the id alone tells the bucket."""
        query = select_registrations().where(
            registrations.c.application_id == application_id,
            registrations.c.bucket == registration_id[-1],
            registrations.c.id == registration_id,
        )
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return to_registration(row) if row is not None else None

    async def find(
        self,
        application_id: Id,
        wanted: RegistrationFilter,
        *,
        after: Id | None,
        limit: int,
    ) -> Sequence[Registration]:
        """List registrations in the order of (bucket, id)."""
        rows = registrations.c
        query = select_registrations().where(*wanted_by(application_id, wanted))
        if after is not None:
            query = query.where(tuple_(rows.bucket, rows.id) > (after[-1], after))
        query = query.order_by(rows.bucket, rows.id).limit(limit)
        found = await self._database.read(lambda connection: connection.execute(query).all())
        return [to_registration(row) for row in found]

    async def page(
        self, application_id: Id, wanted: RegistrationFilter, window: Window
    ) -> Part[Registration]:
        """List registrations by age."""
        return await self._database.read(
            lambda connection: page_by_age(connection, application_id, wanted, window)
        )

    async def count(self, application_id: Id, wanted: RegistrationFilter) -> int:
        """Count registrations."""
        return await self._database.read(
            lambda connection: count(connection, application_id, wanted)
        )

    async def synchronize(
        self, drafts: Sequence[Draft], *, is_exact: bool
    ) -> Sequence[Registration]:
        """Write drafts in one piece, all of them or none."""

        def work(connection: Connection) -> list[Registration]:
            return synchronize(connection, drafts, is_exact=is_exact)

        return await self._database.write(work)

    async def remove_of_member(
        self, application_id: Id, member_id: Id, origin: str, *, now: datetime
    ) -> int:
        """Forget what a member registered through one dialect; answer how many."""

        def work(connection: Connection) -> int:
            return remove_of_member(connection, application_id, member_id, origin, now)

        return await self._database.write(work)

    async def drain(self) -> None:
        """Wait until everything submitted is written."""
        await self._commits.drain()

    async def _commit(self, commands: Sequence[Command]) -> Sequence[Answer | CoreError]:
        def work(connection: Connection) -> list[Answer | CoreError]:
            return run_batch(connection, commands)

        return await self._database.write(work)

"""The registry of registrations, behind the core's `RegistryStore` port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, tuple_

from heliograph.storage.group_commit import GroupCommit
from heliograph.storage.registry_batch import (
    Answer,
    Change,
    Command,
    Register,
    Remove,
    Unregister,
    run_batch,
)
from heliograph.storage.rows import select_registrations, to_registration
from heliograph.storage.tables import members, registrations, users

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from heliograph.core.errors import CoreError
    from heliograph.core.ids import Id
    from heliograph.core.model.registration import (
        Changes,
        Draft,
        Owner,
        ProviderName,
        Registration,
        Slot,
    )
    from heliograph.core.ports import RegistrationFilter
    from heliograph.storage.database import Database


class SqlRegistry:
    """Registrations in a database; every write goes through the group commit."""

    def __init__(self, database: Database, *, batch_size: int) -> None:
        self._database = database
        self._commits: GroupCommit[Command, Answer] = GroupCommit(self._commit, size=batch_size)

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
        query = select_registrations().where(rows.application_id == application_id)
        if after is not None:
            query = query.where(tuple_(rows.bucket, rows.id) > (after[-1], after))
        if wanted.device_id is not None:
            query = query.where(rows.device_id == wanted.device_id)
        if wanted.provider is not None:
            query = query.where(rows.provider == wanted.provider.value)
        if wanted.user_id is not None:
            query = query.where(rows.member_id.in_(_members_of(application_id, wanted.user_id)))
        if wanted.external_user_id is not None:
            named = (
                select(members.c.id)
                .join(users, users.c.id == members.c.user_id)
                .where(
                    members.c.application_id == application_id,
                    users.c.external_id == wanted.external_user_id,
                )
            )
            query = query.where(rows.member_id.in_(named))
        query = query.order_by(rows.bucket, rows.id).limit(limit)
        found = await self._database.read(lambda connection: connection.execute(query).all())
        return [to_registration(row) for row in found]

    async def drain(self) -> None:
        """Wait until everything submitted is written."""
        await self._commits.drain()

    async def _commit(self, commands: Sequence[Command]) -> Sequence[Answer | CoreError]:
        def work(connection: Connection) -> list[Answer | CoreError]:
            return run_batch(connection, commands)

        return await self._database.write(work)


def _members_of(application_id: Id, user_id: Id) -> Select[tuple[bytes]]:
    return select(members.c.id).where(
        members.c.application_id == application_id, members.c.user_id == user_id
    )

"""How members stand, and what applications keep per dialect, in a database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select, update

from heliograph.core.clock import to_ms
from heliograph.core.ids import Id
from heliograph.core.model.identity import SessionKind
from heliograph.core.stores.issuers import MemberState
from heliograph.storage.database.engines import is_in, upsert
from heliograph.storage.tables.sign_in import member_states
from heliograph.storage.tables.tables import (
    applications,
    members,
    registrations,
    sessions,
    users,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.storage.database.database import Database

_NAMES_AT_ONCE = 1000
"""Of one statement: engines have a limit of parameters."""


class SqlMemberStates:
    """What is known of members beyond their membership; who has no row has no such state."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_suspended(self, application_id: Id, user_id: Id) -> bool:
        """Say whether a user is shut out of an application."""
        query = select(member_states.c.suspended_ms).where(
            member_states.c.application_id == application_id, member_states.c.user_id == user_id
        )
        found = await self._database.read(lambda each: each.execute(query).scalar_one_or_none())
        return found is not None

    async def member_states(
        self, application_id: Id, external_ids: Sequence[str]
    ) -> Mapping[str, MemberState]:
        """Read how members stand, by the customer's ids; who is no member is left out."""
        query = (
            select(
                users.c.external_id,
                users.c.id,
                member_states.c.badge,
                member_states.c.suspended_ms,
            )
            .join(applications, applications.c.account_id == users.c.account_id)
            .join(
                members,
                and_(
                    members.c.application_id == applications.c.id, members.c.user_id == users.c.id
                ),
            )
            .outerjoin(
                member_states,
                and_(
                    member_states.c.application_id == applications.c.id,
                    member_states.c.user_id == users.c.id,
                ),
            )
            .where(applications.c.id == application_id)
        )

        def work(connection: Connection) -> dict[str, MemberState]:
            found = {}
            for start in range(0, len(external_ids), _NAMES_AT_ONCE):
                some = external_ids[start : start + _NAMES_AT_ONCE]
                for row in connection.execute(query.where(users.c.external_id.in_(some))):
                    found[row.external_id] = MemberState(
                        Id(row.id), row.badge, row.suspended_ms is not None
                    )
            return found

        return await self._database.read(work)

    async def set_badge(self, application_id: Id, user_id: Id, badge: int) -> None:
        """Write the number on a member's icon."""
        await self._database.write(
            lambda connection: _set(connection, application_id, user_id, "badge", badge)
        )

    async def set_suspended(
        self, application_id: Id, user_id: Id, *, since: datetime | None
    ) -> None:
        """Shut a user out of an application from a time on; None lets them in again.

        What their keys registered is silent meanwhile: keys outlive the suspension.
        """
        at_ms = None if since is None else to_ms(since)

        def work(connection: Connection) -> None:
            _set(connection, application_id, user_id, "suspended_ms", at_ms)
            _silence_keys(connection, application_id, user_id, at_ms)

        await self._database.write(work)


def _set(
    connection: Connection, application_id: Id, user_id: Id, name: str, value: int | None
) -> None:
    values = {"application_id": application_id, "user_id": user_id, name: value}
    connection.execute(upsert(connection, member_states, changing=(name,)), values)


def _silence_keys(
    connection: Connection, application_id: Id, user_id: Id, at_ms: int | None
) -> None:
    """Send to what a user's keys registered no longer than until then; None: for good."""
    # Locked first: this waits for batches that hold a key, and so sees what they registered.
    keys = connection.execute(
        select(sessions.c.id, sessions.c.member_id)
        .where(
            sessions.c.application_id == application_id,
            sessions.c.user_id == user_id,
            sessions.c.kind == SessionKind.KEY.value,
        )
        .order_by(sessions.c.id)
        .with_for_update()
    ).all()
    if keys:
        connection.execute(
            update(registrations)
            .where(
                registrations.c.application_id == application_id,
                registrations.c.member_id == keys[0].member_id,
                is_in(connection, registrations.c.session_id, [key.id for key in keys]),
            )
            .values(silent_after_ms=at_ms)
        )


def merge_settings(
    connection: Connection, application_id: Id, section: str, values: Mapping[str, Any]
) -> None:
    """Lay values over one section of an application's settings."""
    this = applications.c.id == application_id
    stored = connection.execute(
        select(applications.c.settings).where(this).with_for_update()
    ).scalar_one()
    settings = json.loads(stored)
    settings[section] = {**settings.get(section, {}), **values}
    connection.execute(update(applications).where(this).values(settings=json.dumps(settings)))

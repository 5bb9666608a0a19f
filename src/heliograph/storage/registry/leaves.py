"""Leave that users gave others to register a phone for them, and that may be revoked meanwhile."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import select

from heliograph.core.ids import Id
from heliograph.core.model.registration import MemberKey
from heliograph.storage.database.engines import lock_keys
from heliograph.storage.tables.logins import revocations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from heliograph.core.model.registration import Draft


def lock_leave(connection: Connection, *givers: tuple[Id, Id]) -> None:
    """Let nobody use, or revoke, what these signed until the transaction ends.

    givers: applications and users. Keys are held, not rows: who never revoked has none.
    """
    lock_keys(
        connection,
        [hashlib.sha256(b"leave" + application + user).digest() for application, user in givers],
    )


def with_leave(connection: Connection, drafts: Sequence[Draft]) -> list[Draft]:
    """Leave out the drafts whose owner has revoked what they were made by."""
    read = {
        (draft.application_id, draft.owner.user_id): draft.leave
        for draft in drafts
        if draft.leave is not None and isinstance(draft.owner, MemberKey)
    }
    if not read:
        return list(drafts)
    lock_leave(connection, *read)
    rows = connection.execute(
        select(revocations.c.application_id, revocations.c.user_id, revocations.c.number).where(
            revocations.c.application_id.in_({application for application, _ in read}),
            revocations.c.user_id.in_({user for _, user in read}),
        )
    )
    number = {(Id(row.application_id), Id(row.user_id)): row.number for row in rows}
    revoked = {giver for giver, leave in read.items() if number.get(giver, 0) != leave}
    return [
        draft
        for draft in drafts
        if draft.leave is None
        or not isinstance(draft.owner, MemberKey)
        or (draft.application_id, draft.owner.user_id) not in revoked
    ]

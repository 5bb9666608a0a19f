"""Leave that users gave others to register a phone for them, and that may be revoked meanwhile."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from heliograph.core.ids import Id
from heliograph.core.model.registration import MemberKey
from heliograph.storage.database.engines import lock_keys
from heliograph.storage.tables.logins import revocations
from heliograph.storage.tables.tables import members

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
    """Leave out the drafts whose owner is no more, or has revoked what they were made by."""
    givers = {
        owner.member_id: (draft.application_id, owner.user_id)
        for draft in drafts
        if draft.leave is not None and isinstance(owner := draft.owner, MemberKey)
    }
    if not givers:
        return list(drafts)
    lock_leave(connection, *givers.values())
    rows = connection.execute(
        select(members.c.id, func.coalesce(revocations.c.number, 0))
        .select_from(members)
        .outerjoin(
            revocations,
            and_(
                revocations.c.application_id == members.c.application_id,
                revocations.c.user_id == members.c.user_id,
            ),
        )
        .where(members.c.id.in_(list(givers)))
    )
    standing = {Id(member_id): number for member_id, number in rows}
    return [
        draft
        for draft in drafts
        if draft.leave is None
        or not isinstance(owner := draft.owner, MemberKey)
        or standing.get(owner.member_id) == draft.leave
    ]

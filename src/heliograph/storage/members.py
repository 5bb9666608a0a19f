"""Users and their membership of applications: found together, made at first sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, select

from heliograph.core.clock import to_ms
from heliograph.core.ids import Id, new_id
from heliograph.core.model.registration import FreshUser, MemberKey, UserKey
from heliograph.storage.engines import insert_missing
from heliograph.storage.tables import members, users

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.core.model.registration import Owner

Members = dict[tuple[Id, "Owner"], MemberKey]


def resolve_members(
    connection: Connection, pairs: Sequence[tuple[Id, Owner]], *, now: datetime | None
) -> Members:
    """Find the member behind each (application, owner).

    now: make those that are missing, as of this time; None leaves them out
    of the answer. Costs one statement when all are known.
    """
    known: Members = {}
    fresh = []
    for application_id, owner in pairs:
        if isinstance(owner, MemberKey):
            known[application_id, owner] = owner
        elif isinstance(owner, FreshUser):
            known[application_id, owner] = MemberKey(owner.user_id, owner.member_id)
            fresh.append((application_id, owner))
    if fresh and now is not None:
        _make_fresh(connection, fresh, now)
    wanted = sorted(
        {
            (application_id, owner.account_id, owner.external_id)
            for application_id, owner in pairs
            if isinstance(owner, UserKey)
        }
    )
    if not wanted:
        return known
    found = _find(connection, wanted)
    missing = [key for key in wanted if key not in found]
    if missing and now is not None:
        _make(connection, missing, now)
        found |= _find(connection, missing)
    for (application_id, account_id, external_id), member in found.items():
        known[application_id, UserKey(account_id, external_id)] = member
    return known


_Key = tuple[Id, Id, str]
"""Application, account, the customer's id of the user."""


def _find(connection: Connection, keys: Sequence[_Key]) -> dict[_Key, MemberKey]:
    found: dict[_Key, MemberKey] = {}
    for application_id, account_id, names in _by_place(keys):
        rows = connection.execute(
            select(users.c.external_id, users.c.id, members.c.id)
            .join(
                members,
                and_(members.c.user_id == users.c.id, members.c.application_id == application_id),
            )
            .where(users.c.account_id == account_id, users.c.external_id.in_(names))
        )
        for external_id, user_id, member_id in rows:
            member = MemberKey(Id(user_id), Id(member_id), external_id)
            found[application_id, account_id, external_id] = member
    return found


def _make(connection: Connection, keys: Sequence[_Key], now: datetime) -> None:
    """Insert users, then members, each in one order: two nodes never wait crosswise."""
    connection.execute(
        insert_missing(connection, users),
        [
            {
                "id": new_id(now),
                "account_id": account_id,
                "external_id": external_id,
                "created_ms": to_ms(now),
            }
            for account_id, external_id in sorted({key[1:] for key in keys})
        ],
    )
    rows = []
    for application_id, account_id, names in _by_place(keys):
        ids = connection.execute(
            select(users.c.id)
            .where(users.c.account_id == account_id, users.c.external_id.in_(names))
            .order_by(users.c.id)
        ).scalars()
        rows += [
            {"application_id": application_id, "user_id": user_id, "id": new_id(now)}
            for user_id in ids
        ]
    connection.execute(insert_missing(connection, members), rows)


def _make_fresh(
    connection: Connection, pairs: Sequence[tuple[Id, FreshUser]], now: datetime
) -> None:
    """Insert users that nobody else can know yet."""
    connection.execute(
        insert_missing(connection, users),
        [
            {"id": user.user_id, "account_id": user.account_id, "created_ms": to_ms(now)}
            for _, user in pairs
        ],
    )
    connection.execute(
        insert_missing(connection, members),
        [
            {"application_id": application_id, "user_id": user.user_id, "id": user.member_id}
            for application_id, user in pairs
        ],
    )


def _by_place(keys: Iterable[_Key]) -> Iterable[tuple[Id, Id, list[str]]]:
    """Group keys by application and account: nearly always there is one group."""
    groups: dict[tuple[Id, Id], list[str]] = {}
    for application_id, account_id, external_id in keys:
        groups.setdefault((application_id, account_id), []).append(external_id)
    for (application_id, account_id), names in groups.items():
        yield application_id, account_id, names

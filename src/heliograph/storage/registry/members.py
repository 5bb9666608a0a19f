"""Users and their membership of applications: found together, made at first sight."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, select

from heliograph.core.clock import to_ms
from heliograph.core.ids import Id, new_id
from heliograph.core.model.registration import FreshUser, MemberKey, UserKey
from heliograph.storage.database.bulk import insert_new_rows, insert_rows
from heliograph.storage.database.engines import lock_keys
from heliograph.storage.database.spelling import Statement, is_listed, listed_values
from heliograph.storage.tables.tables import members, users

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from heliograph.core.model.registration import Owner


def resolve_members(
    connection: Connection, pairs: Sequence[tuple[Id, Owner | None]], *, now: datetime | None
) -> list[MemberKey | None]:
    """Find the member behind each (application, owner), in their order.

    now: make those that are missing, as of this time; None answers None for
    them. Costs one statement when all are known, and none for nobody.
    """
    wanted: set[_Key] = set()
    fresh = []
    for application_id, owner in pairs:
        if isinstance(owner, UserKey):
            wanted.add((application_id, owner.account_id, owner.external_id))
        elif isinstance(owner, FreshUser):
            fresh.append((application_id, owner))
    if fresh and now is not None:
        _make_fresh(connection, fresh, now)
    found = _find_or_make(connection, sorted(wanted), now) if wanted else {}
    members: list[MemberKey | None] = []
    for application_id, owner in pairs:
        if isinstance(owner, UserKey):
            members.append(found.get((application_id, owner.account_id, owner.external_id)))
        elif isinstance(owner, FreshUser):
            members.append(MemberKey(owner.user_id, owner.member_id))
        else:
            members.append(owner)
    return members


_Key = tuple[Id, Id, str]
"""Application, account, the customer's id of the user."""


def _named_statement(engine: str) -> Select[Any]:
    is_member = and_(
        members.c.user_id == users.c.id,
        members.c.application_id == bindparam("of_application"),
    )
    return (
        select(users.c.external_id, users.c.id, members.c.id)
        .outerjoin(members, is_member)
        .where(
            users.c.account_id == bindparam("of_account"), is_listed(engine, users.c.external_id)
        )
    )


_NAMED = Statement(_named_statement)


def _find_or_make(
    connection: Connection, keys: Sequence[_Key], now: datetime | None
) -> dict[_Key, MemberKey]:
    """Find users who are members; make those that are missing, as of `now`.

    Their names are locked, and looked for once more under the lock: two
    nodes that meet the same user make them once.
    """
    present = _present(connection, keys)
    missing = [key for key in keys if present.get(key, _NOBODY)[1] is None]
    if missing and now is not None:
        if lock_keys(connection, [_lock_of(account_id, name) for _, account_id, name in missing]):
            present |= _present(connection, missing)
        _make(connection, missing, present, now)
    return {
        key: MemberKey(user_id, member_id, key[2])
        for key, (user_id, member_id) in present.items()
        if user_id is not None and member_id is not None
    }


_Present = dict[_Key, tuple[Id | None, Id | None]]
"""The user and the member behind a key, as far as there are any."""

_NOBODY: tuple[None, None] = (None, None)


def _present(connection: Connection, keys: Sequence[_Key]) -> _Present:
    """Look for users, and whether they are members."""
    present: _Present = {}
    for application_id, account_id, names in _by_place(keys):
        for external_id, user_id, member_id in _NAMED.run(
            connection,
            of_application=application_id,
            of_account=account_id,
            **listed_values(connection, names),
        ).all():
            present[application_id, account_id, external_id] = (user_id, member_id)
    return present


def _make(connection: Connection, keys: Sequence[_Key], present: _Present, now: datetime) -> None:
    """Make users and memberships that are missing, and note them as present."""
    at_ms = to_ms(now)
    new_users: dict[tuple[Id, str], Id] = {}
    new_members = []
    for key in keys:
        application_id, account_id, name = key
        user_id, member_id = present.get(key, _NOBODY)
        if user_id is None:
            user_id = new_users.get((account_id, name))
        if user_id is None:
            user_id = new_users[account_id, name] = new_id(now)
        if member_id is None:
            member_id = new_id(now)
            new_members.append((application_id, user_id, member_id))
        present[key] = (user_id, member_id)
    insert_rows(
        connection,
        users,
        [(user_id, account, name, at_ms) for (account, name), user_id in new_users.items()],
    )
    insert_rows(connection, members, new_members)


def _make_fresh(
    connection: Connection, pairs: Sequence[tuple[Id, FreshUser]], now: datetime
) -> None:
    """Insert users that nobody else can know yet.

    A batch that is retried meets those that it made before.
    """
    insert_new_rows(
        connection,
        users,
        [(user.user_id, user.account_id, None, to_ms(now)) for _, user in pairs],
    )
    insert_new_rows(
        connection,
        members,
        [(application_id, user.user_id, user.member_id) for application_id, user in pairs],
    )


def _lock_of(account_id: Id, external_id: str) -> bytes:
    return hashlib.sha256(account_id + external_id.encode()).digest()


def _by_place(keys: Iterable[_Key]) -> Iterable[tuple[Id, Id, list[str]]]:
    """Group keys by application and account: nearly always there is one group."""
    groups: dict[tuple[Id, Id], list[str]] = {}
    for application_id, account_id, external_id in keys:
        groups.setdefault((application_id, account_id), []).append(external_id)
    for (application_id, account_id), names in groups.items():
        yield application_id, account_id, names

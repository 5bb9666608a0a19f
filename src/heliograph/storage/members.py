"""Users and their membership of applications: found together, made at first sight."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Text, and_, any_, bindparam, select

from heliograph.core.clock import to_ms
from heliograph.core.ids import Id, new_id
from heliograph.core.model.registration import FreshUser, MemberKey, UserKey
from heliograph.storage.bulk import insert_new_rows, insert_rows
from heliograph.storage.engines import lock_keys
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
    if now is not None:
        missing = [key for key in wanted if key not in found]
        if missing:
            found |= _make(connection, missing, now)
    for (application_id, account_id, external_id), member in found.items():
        known[application_id, UserKey(account_id, external_id)] = member
    return known


_Key = tuple[Id, Id, str]
"""Application, account, the customer's id of the user."""

_NAMED = (
    select(users.c.external_id, users.c.id, members.c.id.label("member_id"))
    .outerjoin(
        members,
        and_(
            members.c.user_id == users.c.id,
            members.c.application_id == bindparam("in_application"),
        ),
    )
    .where(users.c.account_id == bindparam("in_account"))
)
_NAMED_OF = {
    "sqlite": _NAMED.where(users.c.external_id.in_(bindparam("names", expanding=True))),
    # One array, so that one prepared statement serves every length.
    "postgresql": _NAMED.where(users.c.external_id == any_(bindparam("names", type_=ARRAY(Text)))),
}


def _find(connection: Connection, keys: Sequence[_Key]) -> dict[_Key, MemberKey]:
    """Find users who are members."""
    found: dict[_Key, MemberKey] = {}
    for application_id, account_id, names in _by_place(keys):
        for external_id, user_id, member_id in _named(
            connection, application_id, account_id, names
        ):
            if member_id is not None:
                member = MemberKey(Id(user_id), Id(member_id), external_id)
                found[application_id, account_id, external_id] = member
    return found


def _make(connection: Connection, keys: Sequence[_Key], now: datetime) -> dict[_Key, MemberKey]:
    """Make users and memberships that are missing.

    Their names are locked, and looked for once more under the lock: two
    nodes that meet the same user make them once.
    """
    lock_keys(connection, [_lock_of(account_id, name) for _, account_id, name in keys])
    at_ms = to_ms(now)
    new_users: dict[tuple[Id, str], Id] = {}
    new_members = []
    made: dict[_Key, MemberKey] = {}
    for application_id, account_id, names in _by_place(keys):
        present = {
            external_id: (Id(user_id), member_id)
            for external_id, user_id, member_id in _named(
                connection, application_id, account_id, names
            )
        }
        for name in names:
            user_id, member_id = present.get(name, (None, None))
            if user_id is None:
                user_id = new_users.setdefault((account_id, name), new_id(now))
            if member_id is None:
                member_id = new_id(now)
                new_members.append((application_id, user_id, member_id))
            made[application_id, account_id, name] = MemberKey(user_id, Id(member_id), name)
    insert_rows(
        connection,
        users,
        [(user_id, account, name, at_ms) for (account, name), user_id in new_users.items()],
    )
    insert_rows(connection, members, new_members)
    return made


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


def _named(
    connection: Connection, application_id: Id, account_id: Id, names: Sequence[str]
) -> Iterable[Any]:
    wanted = {"in_application": application_id, "in_account": account_id, "names": list(names)}
    return connection.execute(_NAMED_OF[connection.dialect.name], wanted)


def _lock_of(account_id: Id, external_id: str) -> bytes:
    return hashlib.sha256(account_id + external_id.encode()).digest()


def _by_place(keys: Iterable[_Key]) -> Iterable[tuple[Id, Id, list[str]]]:
    """Group keys by application and account: nearly always there is one group."""
    groups: dict[tuple[Id, Id], list[str]] = {}
    for application_id, account_id, external_id in keys:
        groups.setdefault((application_id, account_id), []).append(external_id)
    for (application_id, account_id), names in groups.items():
        yield application_id, account_id, names

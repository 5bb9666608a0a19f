"""Users and their membership of applications: found together, made at first sight."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, bindparam, select

from heliograph.core.clock import to_ms
from heliograph.core.ids import Id, new_id
from heliograph.core.model.registration import FreshUser, MemberKey, UserKey
from heliograph.storage.database.bulk import insertion, insertion_of_missing, write_rows
from heliograph.storage.database.engines import lock_keys
from heliograph.storage.database.spelling import Statement, is_listed, listed_values
from heliograph.storage.tables.tables import members, users

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from heliograph.core.model.registration import Owner
    from heliograph.storage.database.bulk import Write


class Asked(NamedTuple):
    """Somebody whom a batch is about. is_coming: is made, where unknown."""

    application_id: Id
    owner: Owner | None
    is_coming: bool


def ensure_member(
    connection: Connection, application_id: Id, owner: UserKey, *, now: datetime
) -> MemberKey:
    """Find or make one member, in the transaction that is going on."""
    asked = [Asked(application_id, owner, is_coming=True)]
    lock_keys(connection, locks_of(asked))
    [member], made = find_or_make(connection, asked, now=now)
    assert member is not None
    write_rows(connection, *made)
    return member


def locks_of(asked: Iterable[Asked]) -> set[bytes]:
    """Answer the keys to lock before `find_or_make`: two nodes make one user once."""
    return {
        lock_of(owner) for _, owner, is_coming in asked if is_coming and isinstance(owner, UserKey)
    }


def lock_of(owner: UserKey) -> bytes:
    """Answer the key under which a user with a name is made, and deleted."""
    return hashlib.sha256(owner.account_id + owner.external_id.encode()).digest()


def find_or_make(
    connection: Connection, asked: Sequence[Asked], *, now: datetime
) -> tuple[list[MemberKey | None], Sequence[Write]]:
    """Find the member behind each owner, in their order; second, what is still to be written.

    Who is not coming and unknown is None. Costs one statement, and none where
    nobody is known by a name.
    """
    wanted: dict[_Key, bool] = {}
    fresh = []
    for application_id, owner, is_coming in asked:
        if isinstance(owner, UserKey):
            key = (application_id, owner.account_id, owner.external_id)
            wanted[key] = wanted.get(key, False) or is_coming
        elif isinstance(owner, FreshUser) and is_coming:
            fresh.append((application_id, owner))
    found: dict[_Key, MemberKey] = {}
    writes: Sequence[Write] = ()
    if wanted:
        present = _present(connection, wanted)
        coming = [key for key, is_coming in wanted.items() if is_coming]
        writes = _missing(coming, present, now)
        found = {
            key: MemberKey(user_id, member_id, key[2])
            for key, (user_id, member_id) in present.items()
            if user_id is not None and member_id is not None
        }
    members: list[MemberKey | None] = []
    for application_id, owner, _ in asked:
        if isinstance(owner, UserKey):
            members.append(found.get((application_id, owner.account_id, owner.external_id)))
        elif isinstance(owner, FreshUser):
            members.append(MemberKey(owner.user_id, owner.member_id))
        else:
            members.append(owner)
    return members, (*writes, *_fresh(fresh, now)) if fresh else writes


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


_Present = dict[_Key, tuple[Id | None, Id | None]]
"""The user and the member behind a key, as far as there are any."""

_NOBODY: tuple[None, None] = (None, None)


def _present(connection: Connection, keys: Iterable[_Key]) -> _Present:
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


def _missing(keys: Iterable[_Key], present: _Present, now: datetime) -> Sequence[Write]:
    """Think up users and memberships that are missing, and note them as present."""
    at_ms = to_ms(now)
    new_users: dict[tuple[Id, str], Id] = {}
    new_members = []
    for key in keys:
        application_id, account_id, name = key
        user_id, member_id = present.get(key, _NOBODY)
        if member_id is not None:
            continue
        if user_id is None:
            user_id = new_users.get((account_id, name))
        if user_id is None:
            user_id = new_users[account_id, name] = new_id(now)
        member_id = new_id(now)
        new_members.append((application_id, user_id, member_id))
        present[key] = (user_id, member_id)
    made = [(user_id, account, name, at_ms) for (account, name), user_id in new_users.items()]
    return insertion(users, made), insertion(members, new_members)


def _fresh(pairs: Sequence[tuple[Id, FreshUser]], now: datetime) -> Sequence[Write]:
    """Answer the rows of users that nobody else can know yet.

    A batch that is retried meets those that it made before.
    """
    made = [(user.user_id, user.account_id, None, to_ms(now)) for _, user in pairs]
    joined = [(application_id, user.user_id, user.member_id) for application_id, user in pairs]
    return insertion_of_missing(users, made), insertion_of_missing(members, joined)


def _by_place(keys: Iterable[_Key]) -> Iterable[tuple[Id, Id, list[str]]]:
    """Group keys by application and account: nearly always there is one group."""
    groups: dict[tuple[Id, Id], list[str]] = {}
    for application_id, account_id, external_id in keys:
        groups.setdefault((application_id, account_id), []).append(external_id)
    for (application_id, account_id), names in groups.items():
        yield application_id, account_id, names

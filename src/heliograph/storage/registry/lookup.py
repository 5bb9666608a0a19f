"""Finds and locks the part of the registry that a batch may touch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from heliograph.core.ids import Id
from heliograph.storage.database.spelling import (
    Statement,
    among_bucketed_keys,
    among_keys,
    key_values,
)
from heliograph.storage.tables.rows import select_registrations, to_registration
from heliograph.storage.tables.tables import registrations, sessions, token_holders

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Select

    from heliograph.core.model.registration import Registration


class Wanted:
    """Keys under which to look for registrations of one application."""

    __slots__ = ("ids", "members", "slots", "tokens")

    def __init__(self) -> None:
        self.slots: set[bytes] = set()
        self.tokens: set[bytes] = set()
        self.members: set[Id] = set()
        self.ids: set[Id] = set()


def load(connection: Connection, application_id: Id, wanted: Wanted) -> Iterable[Registration]:
    """Read rows by slot, token, id and member, and keep them locked.

    They are looked up first and locked in one statement and one order, so
    that two batches that meet wait for each other instead of crosswise. What
    would come into a slot or take a token meanwhile waits for our keys.
    """
    lookups = (
        (_FILLING, wanted.slots),
        (_HOLDING, wanted.tokens),
        (_OF_MEMBERS, wanted.members),
    )
    for statement, keys in lookups:
        if keys:
            found = statement.run(
                connection, of_application=application_id, **key_values(connection, keys)
            )
            wanted.ids.update([Id(row[0]) for row in found.all()])
    if not wanted.ids:
        return []
    rows = _LOCKED.run(
        connection, of_application=application_id, **key_values(connection, wanted.ids)
    )
    return map(to_registration, rows.all())


def living_sessions(connection: Connection, session_ids: Iterable[Id]) -> set[Id]:
    """Say which sessions live, and keep them alive until the transaction ends.

    Shared locks: a session that ends now waits, and then takes the
    registrations of this batch with it.
    """
    return {Id(row[0]) for row in _LIVING.run(connection, **key_values(connection, session_ids))}


_OURS = registrations.c.application_id == bindparam("of_application")


def _filling(engine: str) -> Select[Any]:
    filled = among_bucketed_keys(engine, registrations, registrations.c.slot)
    return select(registrations.c.id).select_from(filled).where(_OURS)


def _holding(engine: str) -> Select[Any]:
    held = among_keys(engine, token_holders, token_holders.c.token_hash)
    is_ours = token_holders.c.application_id == bindparam("of_application")
    return select(token_holders.c.registration_id).select_from(held).where(is_ours)


def _of_members(engine: str) -> Select[Any]:
    owned = among_keys(engine, registrations, registrations.c.member_id)
    return select(registrations.c.id).select_from(owned).where(_OURS)


def _locked(engine: str) -> Select[Any]:
    known = among_bucketed_keys(engine, registrations, registrations.c.id)
    return (
        select_registrations(known)
        .where(_OURS)
        .order_by(registrations.c.id)
        .with_for_update(of=registrations)
    )


def _living(engine: str) -> Select[Any]:
    return (
        select(sessions.c.id)
        .select_from(among_keys(engine, sessions, sessions.c.id))
        .order_by(sessions.c.id)
        .with_for_update(read=True, of=sessions)
    )


_FILLING = Statement(_filling)
_HOLDING = Statement(_holding)
_OF_MEMBERS = Statement(_of_members)
_LOCKED = Statement(_locked)
_LIVING = Statement(_living)

"""Finds and locks the part of the registry that a batch may touch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import LargeBinary, and_, bindparam, select, union

from heliograph.core.ids import Id
from heliograph.storage.database.engines import InThisOrder, LastByte
from heliograph.storage.database.spelling import Statement, among_keys, key_values, keys_of
from heliograph.storage.tables.rows import select_registrations, to_registration
from heliograph.storage.tables.tables import registrations, sessions, token_holders, users

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Select, Table

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

    They are locked in one statement and one order, so that two batches that
    meet wait for each other instead of crosswise. What would come into a slot
    or take a token meanwhile waits for our keys.
    """
    if wanted.members:
        found = _OF_MEMBERS.run(
            connection, of_application=application_id, **key_values(connection, wanted.members)
        )
        wanted.ids.update([Id(row[0]) for row in found.all()])
    rows = _WANTED.run(
        connection,
        of_application=application_id,
        **key_values(connection, wanted.slots, "slot"),
        **key_values(connection, wanted.tokens, "token"),
        **key_values(connection, wanted.ids),
    )
    return map(to_registration, rows.all())


def living_sessions(connection: Connection, session_ids: Iterable[Id]) -> set[Id]:
    """Say which sessions live, and keep them alive until the transaction ends.

    Shared locks: a session that ends now waits, and then takes the
    registrations of this batch with it.
    """
    return {Id(row[0]) for row in _LIVING.run(connection, **key_values(connection, session_ids))}


def living_users(connection: Connection, user_ids: Iterable[Id]) -> set[Id]:
    """Say which users there are, and keep them until the transaction ends, as for sessions."""
    return {Id(row[0]) for row in _USERS.run(connection, **key_values(connection, user_ids))}


_OURS = registrations.c.application_id == bindparam("of_application")


def _wanted(engine: str) -> Select[Any]:
    """Select what fills slots, holds tokens or has ids, in the order in which all lock."""
    filling = registrations.alias("filling")
    filled = among_keys(engine, filling, filling.c.slot, "slot", is_bucketed=True)
    held = among_keys(engine, token_holders, token_holders.c.token_hash, "token")
    named, _, named_key = keys_of(engine)
    ours = bindparam("of_application", type_=LargeBinary)
    ids = union(
        select(filling.c.id).select_from(filled).where(filling.c.application_id == ours),
        select(token_holders.c.registration_id.label("id"))
        .select_from(held)
        .where(token_holders.c.application_id == ours),
        select(named_key.label("id")).select_from(named),
    ).subquery("found")
    known = InThisOrder(
        ids,
        registrations,
        and_(
            registrations.c.application_id == ours,
            registrations.c.bucket == LastByte(ids.c.id),
            registrations.c.id == ids.c.id,
        ),
    )
    return (
        select_registrations(known).order_by(registrations.c.id).with_for_update(of=registrations)
    )


def _of_members(engine: str) -> Select[Any]:
    owned = among_keys(engine, registrations, registrations.c.member_id)
    return select(registrations.c.id).select_from(owned).where(_OURS)


def _living(engine: str, table: Table) -> Select[Any]:
    return (
        select(table.c.id)
        .select_from(among_keys(engine, table, table.c.id))
        .order_by(table.c.id)
        .with_for_update(read=True, of=table)
    )


_WANTED = Statement(_wanted)
_OF_MEMBERS = Statement(_of_members)
_LIVING = Statement(partial(_living, table=sessions))
_USERS = Statement(partial(_living, table=users))

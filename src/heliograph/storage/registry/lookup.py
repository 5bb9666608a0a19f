"""Finds and locks the part of the registry that a batch may touch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import LargeBinary, and_, bindparam, select, union

from heliograph.core.clock import from_ms
from heliograph.core.ids import Id
from heliograph.core.model.identity import SessionKind
from heliograph.storage.database.engines import InThisOrder, LastByte
from heliograph.storage.database.spelling import Statement, among_keys, key_values, keys_of
from heliograph.storage.tables.rows import select_registrations, to_registration
from heliograph.storage.tables.sign_in import member_states
from heliograph.storage.tables.tables import registrations, sessions, token_holders, users

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Column, Connection, Select, Table

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


class LivingSession(NamedTuple):
    """How a session stands.

    silent_after: until when what it registers is sent to; None for good.
    is_shut_out: it is a key of a user who is suspended.
    """

    silent_after: datetime | None
    is_shut_out: bool


def living_sessions(connection: Connection, session_ids: Iterable[Id]) -> dict[Id, LivingSession]:
    """Say which sessions live and how, and keep them so until the transaction ends.

    Shared locks: a session that ends now waits, and then takes the
    registrations of this batch with it; so do a renewal and a suspension.
    """
    rows = _LIVING.run(connection, **key_values(connection, session_ids)).all()
    keys = {Id(row[0]) for row in rows if row[1] == SessionKind.KEY.value}
    shut_out = set()
    if keys:
        # Behind the locks: a suspension that held them is seen by now.
        shut_out = {row[0] for row in _SHUT_OUT.run(connection, **key_values(connection, keys))}
    return {
        Id(session_id): LivingSession(
            None if session_id in keys else from_ms(expires_ms), session_id in shut_out
        )
        for session_id, _, expires_ms in rows
    }


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


def _living(engine: str, table: Table, columns: Sequence[Column[Any]]) -> Select[Any]:
    return (
        select(*columns)
        .select_from(among_keys(engine, table, table.c.id))
        .order_by(table.c.id)
        .with_for_update(read=True, of=table)
    )


def _shut_out(engine: str) -> Select[Any]:
    suspended = and_(
        member_states.c.application_id == sessions.c.application_id,
        member_states.c.user_id == sessions.c.user_id,
        member_states.c.suspended_ms.is_not(None),
    )
    return select(sessions.c.id).select_from(
        among_keys(engine, sessions, sessions.c.id).join(member_states, suspended)
    )


_WANTED = Statement(_wanted)
_OF_MEMBERS = Statement(_of_members)
_LIVING = Statement(
    partial(
        _living, table=sessions, columns=(sessions.c.id, sessions.c.kind, sessions.c.expires_ms)
    )
)
_USERS = Statement(partial(_living, table=users, columns=(users.c.id,)))
_SHUT_OUT = Statement(_shut_out)

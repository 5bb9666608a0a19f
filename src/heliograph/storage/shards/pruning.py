"""What a page teaches the registry: dead tokens leave, and environments are remembered.

A broadcast may find a third of its tokens dead, so rows go from the table to
the departed ones as they are, without becoming registrations on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import LargeBinary, bindparam, select, update

from heliograph.core.clock import to_ms
from heliograph.core.model.registration import DepartureReason
from heliograph.storage.database.spelling import Statement, among_keys, key_values
from heliograph.storage.registry.departures import let_go
from heliograph.storage.tables.tables import registrations
from heliograph.storage.webhooks.telling import tell_of_pruned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.core.ids import Id
    from heliograph.core.model.delivery import PageCommit, Prune

_ID, _HASH, _REFRESHED = map(
    registrations.columns.keys().index, ("id", "token_hash", "refreshed_ms")
)
_LOCKED = Statement(
    lambda engine: (
        select(registrations)
        .select_from(among_keys(engine, registrations, registrations.c.id, is_bucketed=True))
        .where(registrations.c.application_id == bindparam("application", type_=LargeBinary))
        .order_by(registrations.c.id)
        .with_for_update(of=registrations)
    )
)


def prune(connection: Connection, commit: PageCommit) -> None:
    """Forget dead tokens, unless their registration moved since we read it."""
    # Rows of which an environment was learned are locked along, in one order
    # with the registry's batches.
    learned = [registration_id for registration_id, *_ in commit.environments]
    forget(connection, commit.shard.application_id, commit.prunes, commit.at, along=learned)


def forget(
    connection: Connection,
    application_id: Id,
    prunes: Sequence[Prune],
    at: datetime,
    *,
    along: Iterable[bytes] = (),
) -> None:
    """Forget an application's dead tokens. along: other registrations to be locked with them."""
    wanted = {each.registration_id: each for each in prunes}
    touched = {*wanted, *along}
    if not touched:
        return
    found = _LOCKED.run(connection, application=application_id, **key_values(connection, touched))
    leaving = [
        row
        for row in found.all()
        if (dead := wanted.get(row[_ID])) is not None
        and row[_HASH] == dead.token_hash
        and row[_REFRESHED] == dead.refreshed_ms
    ]
    tell_of_pruned(connection, application_id, [row[_ID] for row in leaving], at)
    gone = DepartureReason.TOKEN_GONE
    let_go(connection, [(row, gone, wanted[row[_ID]].reason) for row in leaving], to_ms(at))


def learn_environments(connection: Connection, commit: PageCommit) -> None:
    """Note which of Apple's worlds a token turned out to belong to, if it still is that token."""
    for registration_id, token_hash, environment in commit.environments:
        connection.execute(
            update(registrations)
            .where(
                registrations.c.application_id == commit.shard.application_id,
                registrations.c.bucket == registration_id[-1],
                registrations.c.id == registration_id,
                registrations.c.token_hash == token_hash,
                registrations.c.environment.is_(None),
            )
            .values(environment=environment.value)
        )

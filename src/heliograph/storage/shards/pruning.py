"""What a page teaches the registry: dead tokens leave, and environments are remembered.

A broadcast may find a third of its tokens dead, so rows go from the table to
the departed ones as they are, without becoming registrations on the way.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import LargeBinary, bindparam, select, update

from heliograph.core.clock import to_ms
from heliograph.core.model.registration import DepartureReason
from heliograph.storage.database.bulk import deletion, insertion, write_rows
from heliograph.storage.database.spelling import Statement, among_bucketed_keys, key_values
from heliograph.storage.tables.tables import (
    departed_registrations,
    registrations,
    subscriptions,
    token_holders,
)
from heliograph.storage.webhooks.telling import tell_of_pruned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.core.ids import Id
    from heliograph.core.model.delivery import PageCommit, Prune

_COLUMNS = tuple(registrations.columns.keys())
_DEPARTED = tuple(departed_registrations.columns.keys())
_LOCKED = Statement(
    lambda engine: (
        select(registrations)
        .select_from(among_bucketed_keys(engine, registrations, registrations.c.id))
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
        for row in (dict(zip(_COLUMNS, values, strict=True)) for values in found)
        if (dead := wanted.get(row["id"])) is not None
        and row["token_hash"] == dead.token_hash
        and row["refreshed_ms"] == dead.refreshed_ms
    ]
    tell_of_pruned(connection, application_id, [row["id"] for row in leaving], at)
    departed = [_departed(row, wanted[row["id"]].reason, to_ms(at)) for row in leaving]
    deletions = [
        deletion(
            table,
            keys,
            [
                tuple([row[name.replace("registration_id", "id")] for name in keys])
                for row in leaving
            ],
        )
        for table, keys in (
            (registrations, ("application_id", "bucket", "id")),
            (subscriptions, ("application_id", "registration_id")),
            (token_holders, ("application_id", "token_hash", "registration_id")),
        )
    ]
    write_rows(connection, *deletions, insertion(departed_registrations, departed))


def _departed(row: dict[str, Any], words: str, at_ms: int) -> tuple[Any, ...]:
    """Keep a row with the provider's own words."""
    snapshot = {
        name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()
    }
    snapshot["shared"] = bool(row["shared"])
    snapshot["notes"] = words
    kept = {
        "application_id": row["application_id"],
        "id": row["id"],
        "reason": DepartureReason.TOKEN_GONE.value,
        "provider": row["provider"],
        "token_hash": row["token_hash"],
        "snapshot": json.dumps(snapshot),
        "departed_ms": at_ms,
        "member_id": row["member_id"],
    }
    return tuple([kept[name] for name in _DEPARTED])


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

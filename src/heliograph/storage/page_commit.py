"""Commits a page of a shard: records, prunes, retries, counters and cursor in one piece.

On SQLite the records go in steps of at most 250 rows, each a transaction of
its own, so that a waiting API write overtakes a page; the cursor and all that
is not idempotent go with the last step. On PostgreSQL the steps are one
transaction. Every step first checks the shard's epoch: a worker that was
frozen past its lease changes nothing.

Source: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, exists, select, update

from heliograph.core.clock import to_ms
from heliograph.core.model.delivery import ShardSource
from heliograph.core.model.notification import NotificationState
from heliograph.core.model.registration import DepartureReason
from heliograph.storage.bulk import upsert_rows
from heliograph.storage.engines import among, upsert
from heliograph.storage.notifications import COUNTED
from heliograph.storage.registry_changes import remove_registrations
from heliograph.storage.rows import select_registrations, to_registration
from heliograph.storage.tables import deferred, deliveries, notifications, registrations, shards

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Row

    from heliograph.core.model.delivery import DeliveryRow, PageCommit

STEP_ROWS = 250

_HANDLED = delete(deferred).where(
    deferred.c.notification_id == bindparam("of_notification"),
    deferred.c.shard_id == bindparam("of_shard"),
    deferred.c.bucket == bindparam("of_bucket"),
    deferred.c.recipient == bindparam("of_recipient"),
    deferred.c.target_id == bindparam("of_target"),
)
_RECORDED = ("state", "provider_message_id", "reason", "attempts", "at_ms")


def steps_of(commit: PageCommit) -> list[Callable[[Connection], bool]]:
    """Split a page commit into steps; each answers False if the epoch moved on."""
    rows = commit.deliveries
    cuts = range(0, max(len(rows), 1), STEP_ROWS)
    return [
        _step(commit, rows[first : first + STEP_ROWS], is_last=first == cuts[-1]) for first in cuts
    ]


def _step(
    commit: PageCommit, rows: Sequence[DeliveryRow], *, is_last: bool
) -> Callable[[Connection], bool]:
    def run(connection: Connection) -> bool:
        owned = connection.execute(
            select(shards)
            .where(shards.c.id == commit.shard.id, shards.c.epoch == commit.shard.epoch)
            .with_for_update()
        ).first()
        if owned is None:
            return False
        if _is_written(owned, commit):
            # The answer was lost on its way, and the worker asks again.
            return True
        notification_id = commit.shard.notification_id
        upsert_rows(
            connection,
            deliveries,
            [(notification_id, *row) for row in rows],
            changing=_RECORDED,
        )
        if is_last:
            _prune(connection, commit)
            _defer(connection, commit)
            _remember_environments(connection, commit)
            _move_on(connection, commit)
        return True

    return run


def _is_written(shard: Row[Any], commit: PageCommit) -> bool:
    """Say whether a shard stands where this page moves it: cursors never stand still."""
    if commit.cursor is None:
        return bool(shard.is_done)
    stored = (shard.cursor_bucket, shard.cursor_recipient, shard.cursor_target)
    return stored == tuple(commit.cursor)


def _prune(connection: Connection, commit: PageCommit) -> None:
    """Forget dead tokens, unless their registration moved since we read it."""
    wanted = {prune.registration_id: prune for prune in commit.prunes}
    # Rows of which an environment was learned are locked along, in one order
    # with the registry's batches.
    touched = {*wanted, *(registration_id for registration_id, _ in commit.environments)}
    if not touched:
        return
    found = among(connection, registrations, registrations.c.id, sorted(touched))
    rows = connection.execute(
        select_registrations(found)
        .where(registrations.c.application_id == commit.shard.application_id)
        .order_by(registrations.c.id)
        .with_for_update(of=registrations)
    ).all()
    leaving = [
        row
        for row in rows
        if row.id in wanted
        and row.token_hash == wanted[row.id].token_hash
        and row.refreshed_ms == wanted[row.id].refreshed_ms
    ]
    by_reason: dict[str, list[Any]] = {}
    for row in leaving:
        pair = (to_registration(row), DepartureReason.TOKEN_GONE)
        by_reason.setdefault(wanted[row.id].reason, []).append(pair)
    for reason, pairs in by_reason.items():
        remove_registrations(connection, pairs, commit.at, notes=reason)


def _defer(connection: Connection, commit: PageCommit) -> None:
    """Store what waits for another try, in place of what this page retried."""
    shard = commit.shard
    if shard.source is ShardSource.RETRY and commit.deliveries:
        connection.execute(
            _HANDLED,
            [
                {
                    "of_notification": shard.notification_id,
                    "of_shard": shard.id,
                    "of_bucket": row.bucket,
                    "of_recipient": row.recipient,
                    "of_target": row.target_id,
                }
                for row in commit.deliveries
            ],
        )
    if commit.deferred:
        connection.execute(
            upsert(connection, deferred, changing=("due_ms", "attempts", "shard_id")),
            [
                row._asdict()
                | {
                    "notification_id": shard.notification_id,
                    "application_id": shard.application_id,
                    "shard_id": None,
                }
                for row in commit.deferred
            ],
        )


def _remember_environments(connection: Connection, commit: PageCommit) -> None:
    """Note which of Apple's worlds a token turned out to belong to."""
    for registration_id, environment in commit.environments:
        connection.execute(
            update(registrations)
            .where(
                registrations.c.application_id == commit.shard.application_id,
                registrations.c.bucket == registration_id[-1],
                registrations.c.id == registration_id,
                registrations.c.environment.is_(None),
            )
            .values(environment=environment.value)
        )


def _move_on(connection: Connection, commit: PageCommit) -> None:
    """Move the cursor and the counters; close the shard and the notification at the end."""
    shard, cursor = commit.shard, commit.cursor
    values: dict[str, Any] = {
        name: shards.c[name] + getattr(commit.counters, name) for name in COUNTED
    }
    if cursor is None:
        values["is_done"] = True
    else:
        values |= {
            "cursor_bucket": cursor.bucket,
            "cursor_recipient": cursor.recipient,
            "cursor_target": cursor.target_id,
        }
    connection.execute(update(shards).where(shards.c.id == shard.id).values(values))
    if cursor is None:
        _complete(connection, commit)


def _complete(connection: Connection, commit: PageCommit) -> None:
    """Complete the notification if nothing of it is left to do."""
    shard = commit.shard
    this = (
        notifications.c.application_id == shard.application_id,
        notifications.c.id == shard.notification_id,
        notifications.c.state == NotificationState.RUNNING.value,
    )
    # Locked first: of two shards that end together, the second sees the first's end.
    if (
        connection.execute(select(notifications.c.id).where(*this).with_for_update()).first()
        is None
    ):
        return
    connection.execute(
        update(notifications)
        .where(
            *this,
            ~exists().where(shards.c.notification_id == shard.notification_id, ~shards.c.is_done),
            ~exists().where(deferred.c.notification_id == shard.notification_id),
        )
        .values(state=NotificationState.COMPLETED.value, completed_ms=to_ms(commit.at))
    )

"""Commits a page of a shard: records, prunes, retries, counters and cursor in one piece.

On SQLite the records go in steps of 100 rows, which are one transaction until
an API write waits: that overtakes the page between two steps. The cursor and
all that is not idempotent go with the last step, in a transaction of its own.
On PostgreSQL the steps are one transaction. Every step first checks the
shard's epoch: a worker that was frozen past its lease changes nothing.

Source: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Integer,
    LargeBinary,
    SmallInteger,
    bindparam,
    delete,
    select,
    true,
    tuple_,
    update,
)

from heliograph.core.model.delivery import ShardSource
from heliograph.storage.database.engines import is_postgresql, upsert
from heliograph.storage.database.spelling import Statement
from heliograph.storage.notifications.ending import end_if_done, expire
from heliograph.storage.notifications.receipts import remember_messages
from heliograph.storage.shards.breakers import write_breakers
from heliograph.storage.shards.pruning import learn_environments, prune
from heliograph.storage.shards.recording import record
from heliograph.storage.tables.tables import COUNTED, deferred, shards
from heliograph.storage.webhooks.telling import tell_of_page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from heliograph.core.model.delivery import DeliveryRow, PageCommit

STEP_ROWS = 100

_KEY = (deferred.c.bucket, deferred.c.recipient, deferred.c.target_id)
_OWNED = Statement(
    lambda _: (
        select(
            shards.c.is_done,
            shards.c.cursor_bucket,
            shards.c.cursor_recipient,
            shards.c.cursor_target,
        )
        .where(
            shards.c.id == bindparam("shard", type_=LargeBinary),
            shards.c.epoch == bindparam("epoch", type_=Integer),
        )
        .with_for_update()
    )
)
_MOVE_ON = Statement(
    lambda _: (
        update(shards)
        .where(shards.c.id == bindparam("shard", type_=LargeBinary))
        .values(
            {
                "cursor_bucket": bindparam("at_bucket", type_=SmallInteger),
                "cursor_recipient": bindparam("at_recipient", type_=Integer),
                "cursor_target": bindparam("at_target", type_=LargeBinary),
            }
            | {
                name: shards.c[name] + bindparam(f"added_{name}", type_=BigInteger)
                for name in COUNTED
            }
        )
    )
)
_END = Statement(
    lambda _: (
        update(shards)
        .where(shards.c.id == bindparam("shard", type_=LargeBinary))
        .values(
            {"is_done": true()}
            | {
                name: shards.c[name] + bindparam(f"added_{name}", type_=BigInteger)
                for name in COUNTED
            }
        )
    )
)


def steps_of(
    commit: PageCommit, step_rows: int | None = STEP_ROWS
) -> list[Callable[[Connection], bool]]:
    """Split a page commit into steps; each answers False if the epoch moved on.

    step_rows: None makes one step of it all.
    """
    rows = commit.deliveries
    if step_rows is None or len(rows) <= step_rows:
        return [_step(commit, rows, is_last=True)]
    cuts = range(0, len(rows), step_rows)
    return [
        _step(commit, rows[first : first + step_rows], is_last=first == cuts[-1]) for first in cuts
    ]


def _step(
    commit: PageCommit, rows: Sequence[DeliveryRow], *, is_last: bool
) -> Callable[[Connection], bool]:
    def run(connection: Connection) -> bool:
        owned = _OWNED.run(connection, shard=commit.shard.id, epoch=commit.shard.epoch).first()
        if owned is None:
            return False
        if _is_written(owned, commit):
            # The answer was lost on its way, and the worker asks again.
            return True
        record(
            connection,
            commit.shard.notification_id,
            rows,
            # On PostgreSQL a page is all or nothing, so its records are new
            # unless they are of a retry.
            are_new=is_postgresql(connection) and commit.shard.source is not ShardSource.RETRY,
        )
        tell_of_page(connection, commit, rows)
        remember_messages(connection, commit, rows)
        if is_last:
            prune(connection, commit)
            _defer(connection, commit)
            learn_environments(connection, commit)
            write_breakers(connection, commit.breakers, commit.at)
            _move_on(connection, commit)
        return True

    return run


def _is_written(shard: Any, commit: PageCommit) -> bool:
    """Say whether a shard stands where this page moves it: cursors never stand still."""
    if commit.cursor is None:
        return bool(shard.is_done)
    stored = (shard.cursor_bucket, shard.cursor_recipient, shard.cursor_target)
    return stored == tuple(commit.cursor)


def _defer(connection: Connection, commit: PageCommit) -> None:
    """Store what waits for another try, in place of what this page retried."""
    shard = commit.shard
    if shard.source is ShardSource.RETRY:
        handled = delete(deferred).where(
            deferred.c.notification_id == shard.notification_id, deferred.c.shard_id == shard.id
        )
        if commit.cursor is not None:
            handled = handled.where(tuple_(*_KEY) <= tuple(commit.cursor))
        connection.execute(handled)
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


def _move_on(connection: Connection, commit: PageCommit) -> None:
    """Move the cursor and the counters; close the shard and the notification at the end."""
    shard, cursor = commit.shard, commit.cursor
    added = {f"added_{name}": getattr(commit.counters, name) for name in COUNTED}
    if cursor is None:
        _END.run(connection, shard=shard.id, **added)
    else:
        _MOVE_ON.run(
            connection,
            shard=shard.id,
            at_bucket=cursor.bucket,
            at_recipient=cursor.recipient,
            at_target=cursor.target_id,
            **added,
        )
    if commit.is_late:
        expire(connection, shard.application_id, shard.notification_id, commit.at)
    if cursor is None:
        end_if_done(connection, shard.application_id, shard.notification_id, commit.at)

"""Turns deferred deliveries that are due into retry shards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select, update

from heliograph.core.clock import to_ms
from heliograph.core.ids import new_id
from heliograph.core.model.delivery import BUCKETS, ShardSource
from heliograph.storage.database.spelling import Statement
from heliograph.storage.notifications.cutting import BULK_LANE
from heliograph.storage.tables.tables import deferred, shards

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.storage.database.database import Database

_KEYS = ("of_notification", "of_bucket", "of_recipient", "of_target", "to_shard")
_ASSIGN = Statement(
    lambda _: (
        update(deferred)
        .where(
            deferred.c.notification_id == bindparam("of_notification"),
            deferred.c.bucket == bindparam("of_bucket"),
            deferred.c.recipient == bindparam("of_recipient"),
            deferred.c.target_id == bindparam("of_target"),
        )
        .values(shard_id=bindparam("to_shard"))
    )
)


async def sweep(database: Database, *, now: datetime, limit: int) -> int:
    """Turn up to `limit` due deliveries into one shard per notification; answer how many."""
    waiting = deferred.c
    due = (
        select(
            waiting.notification_id,
            waiting.application_id,
            waiting.bucket,
            waiting.recipient,
            waiting.target_id,
        )
        .where(waiting.shard_id.is_(None), waiting.due_ms <= to_ms(now))
        .limit(limit)
    )

    def is_due(connection: Connection) -> bool:
        return connection.execute(due.limit(1)).first() is not None

    def work(connection: Connection) -> int:
        rows = connection.execute(due.with_for_update(skip_locked=True)).all()
        groups: dict[tuple[bytes, bytes], list[Sequence[Any]]] = {}
        for notification_id, application_id, *place in rows:
            groups.setdefault((notification_id, application_id), []).append(place)
        for (notification_id, application_id), places in groups.items():
            shard_id = new_id(now)
            connection.execute(
                insert(shards),
                {
                    "id": shard_id,
                    "notification_id": notification_id,
                    "application_id": application_id,
                    "source": ShardSource.RETRY.value,
                    "lane": _lane_of(connection, notification_id),
                    "first_bucket": 0,
                    "last_bucket": BUCKETS - 1,
                    "epoch": 0,
                    "leased_until_ms": 0,
                    "due_ms": to_ms(now),
                    "is_done": False,
                },
            )
            _ASSIGN.run_each(
                connection, _KEYS, [(notification_id, *place, shard_id) for place in places]
            )
        return len(groups)

    return await database.write(work) if await database.read(is_due) else 0


def _lane_of(connection: Connection, notification_id: bytes) -> int:
    """Keep a broadcast's retries out of the way of small sends."""
    lane = connection.execute(
        select(func.max(shards.c.lane)).where(
            shards.c.notification_id == notification_id,
            shards.c.source != ShardSource.RETRY.value,
        )
    ).scalar_one_or_none()
    return BULK_LANE if lane is None else int(lane)

"""The shard table: claims, page commits, retries. Behind the core's `ShardLedger` port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, exists, insert, select, update

from heliograph.core.clock import to_ms
from heliograph.core.ids import Id, new_id
from heliograph.core.model.delivery import BUCKETS, Cursor, Page, PageCommit, Shard, ShardSource
from heliograph.core.model.notification import NotificationState
from heliograph.storage.cutting import SMALL_LANE
from heliograph.storage.notifications import to_notification
from heliograph.storage.page_commit import steps_of
from heliograph.storage.pages import read_page
from heliograph.storage.tables import deferred, notifications, shards

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from heliograph.core.model.notification import Notification
    from heliograph.storage.database import Database

FREE = 0
"""`leased_until_ms` of a shard that nobody holds."""


_ASSIGN = (
    update(deferred)
    .where(
        deferred.c.notification_id == bindparam("of_notification"),
        deferred.c.bucket == bindparam("of_bucket"),
        deferred.c.recipient == bindparam("of_recipient"),
        deferred.c.target_id == bindparam("of_target"),
    )
    .values(shard_id=bindparam("to_shard"))
)


class SqlLedger:
    """Shards in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, worker: str, *, limit: int, leased_until: datetime, now: datetime
    ) -> Sequence[tuple[Shard, Notification]]:
        """Take due shards that nobody holds, small sends first."""
        # Asked first without a write: an idle worker must not wake the disk.
        if not await self._database.read(lambda connection: _has_due(connection, now)):
            return []

        def work(connection: Connection) -> list[tuple[Shard, Notification]]:
            chosen = (
                _due(now).order_by(shards.c.lane, shards.c.due_ms).limit(limit)
            ).with_for_update(skip_locked=True, of=shards)
            taken = connection.execute(
                update(shards)
                .where(shards.c.id.in_(chosen))
                .values(
                    owner=worker,
                    epoch=shards.c.epoch + 1,
                    leased_until_ms=to_ms(leased_until),
                )
                .returning(*shards.c)
            ).all()
            return [(_to_shard(row), _notification_of(connection, row)) for row in taken]

        return await self._database.write(work)

    async def renew(self, held: Sequence[Shard], *, leased_until: datetime) -> None:
        """Prolong leases; one that was lost meanwhile stays lost."""
        await self._set_lease(held, to_ms(leased_until))

    async def release(self, held: Sequence[Shard]) -> None:
        """Give shards back, for anyone to claim at once."""
        await self._set_lease(held, FREE)

    async def read_page(
        self,
        shard: Shard,
        notification: Notification,
        cursor: Cursor | None,
        *,
        limit: int,
        now: datetime,
    ) -> Page:
        """Read the targets behind `cursor`."""
        return await self._database.read(
            lambda connection: read_page(connection, shard, notification, cursor, limit, now)
        )

    async def commit_page(self, commit: PageCommit) -> bool:
        """Write what a page came to; False if the shard has another owner by now."""
        return await self._database.write_steps(steps_of(commit))

    async def sweep(self, *, now: datetime, limit: int) -> int:
        """Turn due deferred deliveries into retry shards; answer how many shards."""
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
            groups: dict[tuple[bytes, bytes], list[dict[str, Any]]] = {}
            for notification_id, application_id, bucket, recipient, target_id in rows:
                groups.setdefault((notification_id, application_id), []).append(
                    {"of_bucket": bucket, "of_recipient": recipient, "of_target": target_id}
                )
            for (notification_id, application_id), keys in groups.items():
                shard_id = new_id(now)
                connection.execute(
                    insert(shards), _retry_shard(shard_id, notification_id, application_id, now)
                )
                connection.execute(
                    _ASSIGN,
                    [
                        {"of_notification": notification_id, "to_shard": shard_id} | key
                        for key in keys
                    ],
                )
            return len(groups)

        return await self._database.write(work) if await self._database.read(is_due) else 0

    async def _set_lease(self, held: Sequence[Shard], leased_until_ms: int) -> None:
        def work(connection: Connection) -> None:
            for shard in sorted(held, key=lambda shard: shard.id):
                connection.execute(
                    update(shards)
                    .where(shards.c.id == shard.id, shards.c.epoch == shard.epoch)
                    .values(leased_until_ms=leased_until_ms)
                )

        if held:
            await self._database.write(work)


def free_all(connection: Connection) -> None:
    """End every lease: for the only process there is, as it starts."""
    connection.execute(update(shards).where(~shards.c.is_done).values(leased_until_ms=FREE))


def _due(now: datetime) -> Any:
    """Open shards of running notifications that are due and not held."""
    return select(shards.c.id).where(
        ~shards.c.is_done,
        shards.c.due_ms <= to_ms(now),
        shards.c.leased_until_ms < to_ms(now),
        exists().where(
            notifications.c.application_id == shards.c.application_id,
            notifications.c.id == shards.c.notification_id,
            notifications.c.state == NotificationState.RUNNING.value,
        ),
    )


def _has_due(connection: Connection, now: datetime) -> bool:
    return connection.execute(_due(now).limit(1)).first() is not None


def _notification_of(connection: Connection, shard: Row[Any]) -> Notification:
    row = connection.execute(
        select(notifications).where(
            notifications.c.application_id == shard.application_id,
            notifications.c.id == shard.notification_id,
        )
    ).one()
    return to_notification(row)


def _to_shard(row: Row[Any]) -> Shard:
    cursor = None
    if row.cursor_bucket is not None:
        cursor = Cursor(row.cursor_bucket, row.cursor_recipient, row.cursor_target)
    return Shard(
        id=Id(row.id),
        notification_id=Id(row.notification_id),
        application_id=Id(row.application_id),
        source=ShardSource(row.source),
        first_bucket=row.first_bucket,
        last_bucket=row.last_bucket,
        epoch=row.epoch,
        cursor=cursor,
    )


def _retry_shard(
    shard_id: Id, notification_id: bytes, application_id: bytes, now: datetime
) -> dict[str, Any]:
    return {
        "id": shard_id,
        "notification_id": notification_id,
        "application_id": application_id,
        "source": ShardSource.RETRY.value,
        "lane": SMALL_LANE,
        "first_bucket": 0,
        "last_bucket": BUCKETS - 1,
        "epoch": 0,
        "leased_until_ms": FREE,
        "due_ms": to_ms(now),
        "is_done": False,
    }

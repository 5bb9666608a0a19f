"""The shard table: claims, page commits, retries. Behind the core's `ShardLedger` port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Integer,
    SmallInteger,
    bindparam,
    case,
    exists,
    select,
    update,
)

from heliograph.core.clock import to_ms
from heliograph.core.ids import Id
from heliograph.core.model.delivery import Cursor, Page, PageCommit, Shard, ShardSource
from heliograph.core.model.notification import NotificationState
from heliograph.core.turns import Room, Waiting, fair_turns
from heliograph.storage.database.database import Lane
from heliograph.storage.database.spelling import Statement, is_one_of
from heliograph.storage.notifications.cutting import BULK_LANE, SMALL_LANE
from heliograph.storage.notifications.documents import to_notification
from heliograph.storage.shards.breakers import write_breakers
from heliograph.storage.shards.page_commit import steps_of
from heliograph.storage.shards.pages import read_page
from heliograph.storage.shards.settling import settle
from heliograph.storage.shards.sweeping import sweep
from heliograph.storage.tables.tables import notifications, shards

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row

    from heliograph.core.model.breaker import Breaker
    from heliograph.core.model.notification import Notification
    from heliograph.storage.database.database import Database

FREE = 0
"""`leased_until_ms` of a shard that nobody holds."""

CONSIDERED = 512
"""Shards of a lane that are looked at to find whose turn it is; the longest waiting ones."""

_MOST_RACES = 3
# A renewal may have to wait for the page commit of one shard, while another is given back.
_IS_HELD = shards.c.leased_until_ms > FREE

_CLAIMED = (NotificationState.RUNNING.value, NotificationState.EXPIRED.value)


class SqlLedger:
    """Shards in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, worker: str, room: Room, *, leased_until: datetime, now: datetime
    ) -> Sequence[tuple[Shard, Notification]]:
        """Take due shards that nobody holds, in fair turns."""

        def work(connection: Connection) -> list[tuple[Shard, Notification]] | None:
            chosen = _choose(connection, room, now)
            if not chosen:
                return []
            free = (
                select(shards.c.id)
                .where(shards.c.id.in_(chosen), shards.c.leased_until_ms < to_ms(now))
                .with_for_update(skip_locked=True)
            )
            taken = connection.execute(
                update(shards)
                .where(shards.c.id.in_(free))
                .values(
                    owner=worker,
                    epoch=shards.c.epoch + 1,
                    leased_until_ms=to_ms(leased_until),
                )
                .returning(*shards.c)
            ).all()
            if not taken:
                return None
            asked = _notifications_of(connection, taken)
            return [(_to_shard(row), asked[row.notification_id]) for row in taken]

        # What is chosen may be taken by another node before we lock it.
        for _ in range(_MOST_RACES):
            taken = await self._database.write(work, is_lasting=False)
            if taken is not None:
                return taken
        return []

    async def renew(self, held: Sequence[Shard], *, leased_until: datetime) -> None:
        """Prolong leases; one that was lost or given back meanwhile stays so."""
        await self._change(held, _IS_HELD, leased_until_ms=to_ms(leased_until))

    async def release(self, held: Sequence[Shard], *, now: datetime) -> None:
        """Give shards back; they queue up behind those that are due already."""
        await self._change(held, leased_until_ms=FREE, due_ms=_at_least(now))

    async def hold(
        self, shard: Shard, *, until: datetime, breakers: Sequence[Breaker] = ()
    ) -> None:
        """Give a shard back that is not due before `until`, and write why."""

        def work(connection: Connection) -> None:
            _change(connection, shard, leased_until_ms=FREE, due_ms=to_ms(until))
            for breaker in breakers:
                write_breakers(connection, [breaker], breaker.changed_at)

        await self._database.write(work)

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
            lambda connection: read_page(connection, shard, notification, cursor, limit, now),
            Lane.API if shard.is_small else Lane.PAGE,
        )

    async def commit_page(self, commit: PageCommit) -> bool:
        """Write what a page came to; False if the shard has another owner by now."""
        return await self._database.write_steps(steps_of(commit, self._database.step_rows))

    async def sweep(self, *, now: datetime, limit: int) -> int:
        """Turn due deferred deliveries into retry shards; answer how many shards."""
        return await sweep(self._database, now=now, limit=limit)

    async def settle(self, *, now: datetime, limit: int) -> int:
        """End what canceled and overdue notifications left; answer how many rows changed."""
        return await settle(self._database, now=now, limit=limit)

    async def _change(
        self, held: Sequence[Shard], *only: ColumnElement[bool], **values: Any
    ) -> None:
        def work(connection: Connection) -> None:
            for shard in sorted(held, key=lambda shard: shard.id):
                _change(connection, shard, *only, **values)

        if held:
            await self._database.write(work, is_lasting=False)


def free_all(connection: Connection) -> None:
    """End every lease: for the only process there is, as it starts."""
    connection.execute(update(shards).where(~shards.c.is_done).values(leased_until_ms=FREE))


def _change(
    connection: Connection, shard: Shard, *only: ColumnElement[bool], **values: Any
) -> None:
    connection.execute(
        update(shards)
        .where(shards.c.id == shard.id, shards.c.epoch == shard.epoch, *only)
        .values(**values)
    )


def _at_least(now: datetime) -> Any:
    """Let nobody jump the queue: what is not due yet stays so."""
    return case((shards.c.due_ms > to_ms(now), shards.c.due_ms), else_=to_ms(now))


_DUE = Statement(
    lambda _: (
        select(shards.c.id, shards.c.application_id, shards.c.notification_id, shards.c.due_ms)
        .where(
            ~shards.c.is_done,
            shards.c.lane == bindparam("lane", type_=SmallInteger),
            shards.c.due_ms <= bindparam("now_ms", type_=BigInteger),
            shards.c.leased_until_ms < bindparam("now_ms", type_=BigInteger),
            exists().where(
                notifications.c.application_id == shards.c.application_id,
                notifications.c.id == shards.c.notification_id,
                is_one_of(notifications.c.state, _CLAIMED),
            ),
        )
        .order_by(shards.c.due_ms)
        .limit(bindparam("limit", type_=Integer))
        .offset(bindparam("offset", type_=Integer))
    )
)
"""Open shards of running notifications that are due and not held, longest waiting first."""


def _choose(connection: Connection, room: Room, now: datetime) -> list[Id]:
    """Choose shards of both lanes; small ones know no broadcasts to wait for."""
    chosen: list[Id] = []
    for lane, places in ((SMALL_LANE, room.small), (BULK_LANE, room.bulk)):
        if places > 0:
            waiting = [
                Waiting(*row)
                for row in _DUE.run(
                    connection, lane=lane, now_ms=to_ms(now), limit=CONSIDERED, offset=0
                )
            ]
            is_bulk = lane == BULK_LANE
            chosen += fair_turns(waiting, room if is_bulk else Room(0, 0), places)
    return chosen


def _notifications_of(
    connection: Connection, taken: Sequence[Row[Any]]
) -> dict[bytes, Notification]:
    """Read the notifications that shards belong to."""
    rows = connection.execute(
        select(notifications).where(
            notifications.c.application_id.in_({row.application_id for row in taken}),
            notifications.c.id.in_({row.notification_id for row in taken}),
        )
    ).all()
    return {row.id: to_notification(row) for row in rows}


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
        is_small=row.lane == SMALL_LANE,
    )

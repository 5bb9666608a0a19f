"""The shard table itself as the queue: no second system to run."""

from __future__ import annotations

import asyncio
import os
import socket
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.core.model.breaker import Breaker
    from heliograph.core.model.delivery import Shard
    from heliograph.core.model.notification import Notification
    from heliograph.core.ports import Clock
    from heliograph.core.stores.store import ShardLedger
    from heliograph.core.turns import Room


class LedgerQueue:
    """Hands out the ledger's due shards; a lease is what holds one."""

    def __init__(self, ledger: ShardLedger, clock: Clock, *, worker: str, lease_s: float) -> None:
        self._ledger = ledger
        self._clock = clock
        self._worker = worker
        self._lease = timedelta(seconds=lease_s)
        self._work = asyncio.Event()

    async def claim(self, room: Room) -> Sequence[tuple[Shard, Notification]]:
        """Take due shards, as many as there is room for."""
        self._work.clear()
        now = self._clock.now()
        return await self._ledger.claim(self._worker, room, leased_until=now + self._lease, now=now)

    async def wait(self, timeout_s: float) -> None:
        """Return when this process has new work, or after `timeout_s` to look for others'."""
        try:
            await asyncio.wait_for(self._work.wait(), timeout_s)
        except TimeoutError:
            return

    def wake(self) -> None:
        """Say that there is new work in this process."""
        self._work.set()

    async def renew(self, shards: Sequence[Shard]) -> None:
        """Prolong leases from now."""
        await self._ledger.renew(shards, leased_until=self._clock.now() + self._lease)

    async def release(self, shards: Sequence[Shard]) -> None:
        """Give shards back, to queue up again."""
        await self._ledger.release(shards, now=self._clock.now())

    async def hold(
        self, shard: Shard, *, until: datetime, breakers: Sequence[Breaker] = ()
    ) -> None:
        """Give a shard back that is not due before `until`, and write why."""
        await self._ledger.hold(shard, until=until, breakers=breakers)


def worker_name() -> str:
    """Name this process in the shard table, for operators to read."""
    return f"{socket.gethostname()}:{os.getpid()}"

"""Turns deferred deliveries that are due into retry shards, and settles what was canceled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from heliograph.core.errors import Unavailable
from heliograph.observability.failures import frames_of

if TYPE_CHECKING:
    from heliograph.core.ports import Clock, ShardQueue
    from heliograph.core.stores.store import ShardLedger

_log = structlog.get_logger("heliograph.delivery")

LIMIT = 1000
"""Deliveries of one retry shard, about a page."""

SETTLED_AT_ONCE = 250
"""Rows of one step of settling, so that the writer is never held for long."""


class Sweeper:
    """Looks for due retries every so often; any number may run on one database."""

    def __init__(
        self, ledger: ShardLedger, queue: ShardQueue, clock: Clock, *, every_s: float
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._clock = clock
        self._every_s = every_s

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self._sweep()
            except Unavailable:
                _log.warning("store_unavailable")
            except Exception as error:  # noqa: BLE001 - retries must not end with one bad sweep
                _log.error("sweep_failed", frames=frames_of(error))

    async def _sweep(self) -> None:
        """Sweep until nothing is due: an outage leaves more than one sweep takes."""
        while await self._ledger.sweep(now=self._clock.now(), limit=LIMIT):
            self._queue.wake()
        while await self._ledger.settle(now=self._clock.now(), limit=SETTLED_AT_ONCE):
            self._queue.wake()

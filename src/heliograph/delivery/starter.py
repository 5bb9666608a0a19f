"""Starts scheduled notifications whose time has come.

Any number may run on one database: each notification is started once,
whoever finds it first, and what a stopped server left is found by the next.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from heliograph.core.errors import Unavailable
from heliograph.observability.failures import frames_of

if TYPE_CHECKING:
    from heliograph.core.ports import Clock, ShardQueue
    from heliograph.core.stores.notifications import NotificationStore

_log = structlog.get_logger("heliograph.delivery")


class Starter:
    """Looks every so often for what is due."""

    def __init__(
        self, store: NotificationStore, queue: ShardQueue, clock: Clock, *, every_s: float
    ) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock
        self._every_s = every_s

    async def run(self) -> None:
        """Start what is due until cancelled."""
        while True:
            try:
                await self.start_due()
            except Unavailable:
                _log.warning("store_unavailable")
            except Exception as error:  # noqa: BLE001 - the others must not wait for one that fails
                _log.error("start_failed", frames=frames_of(error))
            await asyncio.sleep(self._every_s)

    async def start_due(self) -> int:
        """Start all that is due now, one after the other; answer how many."""
        started = 0
        while await self._store.start_due(now=self._clock.now()) is not None:
            started += 1
            self._queue.wake()
        return started

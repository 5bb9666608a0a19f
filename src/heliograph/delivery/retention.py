"""Forgets what is old; any number of nodes may do so on one database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from heliograph.core.errors import Unavailable
from heliograph.core.stores.store import Retained
from heliograph.observability.failures import frames_of

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.config import Retention as Settings
    from heliograph.core.ports import Clock
    from heliograph.core.stores.store import RetentionStore

_log = structlog.get_logger("heliograph.delivery")

_SESSIONS_EVERY = timedelta(days=1)
"""All that are old are looked at, for no index knows which of them are over."""

REST_S = 0.02
"""Between two steps, so that whoever else writes has the better part of the time."""


class Retention:
    """Looks for what is too old every so often, and deletes it step by step."""

    def __init__(self, store: RetentionStore, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._sessions_due = clock.now()

    async def run(self) -> None:
        """Forget until cancelled."""
        while True:
            await asyncio.sleep(self._settings.every_s)
            try:
                await self._forget_all()
                await self._forget_sessions()
            except Unavailable:
                _log.warning("store_unavailable")
            except Exception as error:  # noqa: BLE001 - the next round may do better
                _log.error("retention_failed", frames=frames_of(error))

    async def _forget_all(self) -> None:
        """Take step after step until nothing is left that is too old."""
        before, rows = retained(self._settings, self._clock.now()), self._settings.rows
        while await self._store.forget_old(before, limit=rows):  # noqa: ASYNC110 - it is work
            await asyncio.sleep(REST_S)

    async def _forget_sessions(self) -> None:
        """Walk once a day through all sessions that are old enough."""
        now = self._clock.now()
        if now < self._sessions_due:
            return
        over_before = now - timedelta(days=self._settings.sessions_days)
        last, rows = None, self._settings.rows
        while last := await self._store.forget_sessions(  # noqa: ASYNC110 - it is work
            over_before, after=last, limit=rows
        ):
            await asyncio.sleep(REST_S)
        self._sessions_due = now + _SESSIONS_EVERY


def retained(settings: Settings, now: datetime) -> Retained:
    """Say from when on what is old is kept."""
    return Retained(
        departed=now - timedelta(days=settings.departed_days),
        notifications=now - timedelta(days=settings.notifications_days),
        idempotency_keys=now,
        webhook_events=now - timedelta(days=settings.webhook_events_days),
    )

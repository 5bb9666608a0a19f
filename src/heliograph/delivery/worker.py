"""The worker: claims shards, sends their pages, commits what they came to.

Per page: read → send → interpret → commit records, prunes, retries, counters
and cursor in one piece. A crash repeats at most the pages in flight, with the
same message ids; nothing is lost.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import structlog

from heliograph.core.errors import CoreError, NotFound, Unavailable
from heliograph.core.ids import spell
from heliograph.core.model.outcome import Deferred, Misconfigured, Outcome
from heliograph.delivery.consequences import consequences_of
from heliograph.delivery.sending import Sending, Sent
from heliograph.observability.failures import frames_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heliograph.config import Delivery as Settings
    from heliograph.core.applications import Applications
    from heliograph.core.model.delivery import Page, PageCommit, Shard
    from heliograph.core.model.notification import Notification
    from heliograph.core.model.registration import ProviderName
    from heliograph.core.ports import Clock, Provider, ShardLedger, ShardQueue

_log = structlog.get_logger("heliograph.delivery")

PATIENCE_S = 1.0
"""How long to wait before asking a database again that did not answer."""

GRACE_S = 6.0
"""How long pages in flight may take when the worker stops; then their leases run out."""


class Worker:
    """Works on as many shards at once as pages may be in flight."""

    def __init__(
        self,
        queue: ShardQueue,
        ledger: ShardLedger,
        applications: Applications,
        providers: Mapping[ProviderName, Provider],
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._queue = queue
        self._ledger = ledger
        self._applications = applications
        self._sending = Sending(providers)
        self._clock = clock
        self._settings = settings
        self._held: dict[bytes, tuple[Shard, float]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False

    async def run(self) -> None:
        """Work until `stop`; then finish the pages in flight and give the shards back."""
        renewing = asyncio.create_task(self._renew_forever())
        try:
            while not self._is_stopping:
                await self._claim()
        finally:
            renewing.cancel()
            if self._tasks:
                _, late = await asyncio.wait(self._tasks, timeout=GRACE_S)
                for task in late:
                    task.cancel()

    def stop(self) -> None:
        """Claim nothing more; shards stop after their page."""
        self._is_stopping = True
        self._queue.wake()

    async def _claim(self) -> None:
        free = self._settings.pages_in_flight - len(self._tasks)
        claimed: list[tuple[Shard, Notification]] = []
        try:
            claimed = list(await self._queue.claim(free)) if free > 0 else []
        except Unavailable:
            _log.warning("store_unavailable")
            await self._queue.wait(PATIENCE_S)
            return
        for shard, notification in claimed:
            self._hold(shard)
            task = asyncio.create_task(self._work(shard, notification))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if len(claimed) < free:
            await self._queue.wait(self._settings.poll_s)
        elif self._tasks:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def _work(self, shard: Shard, notification: Notification) -> None:
        """Work on one shard until it ends, is lost, or the worker stops."""
        names = {
            "shard": spell("shard", shard.id),
            "notification": spell("notification", notification.id),
        }
        try:
            is_done = await self._pages(shard, notification)
            if not is_done:
                await self._queue.release([shard])
        except CoreError as error:
            # The lease runs out and the shard is claimed again, here or elsewhere.
            _log.warning("shard_interrupted", error=type(error).__name__, **names)
        except Exception as error:  # noqa: BLE001 - one broken shard must not end the others
            _log.error("shard_failed", frames=frames_of(error), **names)
        finally:
            self._held.pop(shard.id, None)
            self._queue.wake()

    async def _pages(self, shard: Shard, notification: Notification) -> bool:
        """Send page after page; True when the shard has ended or is another's."""
        cursor = shard.cursor
        while not self._is_stopping:
            page = await self._ledger.read_page(
                shard,
                notification,
                cursor,
                limit=self._settings.page_size,
                now=self._clock.now(),
            )
            if not self._holds(shard):
                # Frozen past its lease: by now another worker sends this page.
                _log.warning("lease_lost", shard=spell("shard", shard.id))
                return True
            began = self._clock.now()
            sent = await self._send(page, shard, notification)
            commit = consequences_of(
                page,
                sent.outcomes,
                shard=shard,
                notification=notification,
                environments=sent.environments,
                began=began,
                now=self._clock.now(),
                max_attempts=self._settings.max_attempts,
                jitter=random.random,
            )
            if not await self._commit(commit):
                _log.warning("epoch_lost", shard=spell("shard", shard.id))
                return True
            cursor = page.cursor
            if cursor is None:
                return True
        return False

    async def _send(self, page: Page, shard: Shard, notification: Notification) -> Sent:
        """Send a page, or say why none of it can be sent now."""
        if not page.targets:
            return Sent([])
        now = self._clock.now()
        if now >= notification.expires_at and (
            notification.options.ttl_s > 0 or page.targets[0].attempts
        ):
            # A retry that is given up: `consequences` lets it expire.
            expired: Outcome = Deferred("time to live is over")
            return Sent([expired] * len(page.targets))
        try:
            application = await self._applications.get(shard.application_id)
            credentials = await self._applications.credentials_of(shard.application_id)
        except NotFound:
            missing: Outcome = Misconfigured("application is gone")
            return Sent([missing] * len(page.targets))
        return await self._sending.send(
            page.targets, notification, application, credentials, now=now
        )

    async def _commit(self, commit: PageCommit) -> bool:
        """Commit a page, asking again while the database is away and the lease is ours."""
        while True:
            try:
                return await self._ledger.commit_page(commit)
            except Unavailable:
                _log.warning("store_unavailable")
                if self._is_stopping:
                    raise
                await self._queue.wait(PATIENCE_S)

    def _hold(self, shard: Shard) -> None:
        self._held[shard.id] = (shard, self._clock.monotonic() + self._settings.lease_s)

    def _holds(self, shard: Shard) -> bool:
        held = self._held.get(shard.id)
        return held is not None and self._clock.monotonic() < held[1]

    async def _renew_forever(self) -> None:
        """Prolong the leases of what is held, well before they end."""
        while True:
            await asyncio.sleep(self._settings.lease_s / 3)
            held = [shard for shard, _ in self._held.values() if self._holds(shard)]
            try:
                await self._queue.renew(held)
            except Unavailable:
                continue
            for shard in held:
                if shard.id in self._held:
                    self._hold(shard)

"""The worker: claims shards, sends their pages, commits what they came to.

Per page: read → send → interpret → commit records, prunes, retries, counters
and cursor in one piece. A crash repeats at most the pages in flight, with the
same message ids; nothing is lost.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import structlog

from heliograph.core.categories import registration_wants
from heliograph.core.errors import CoreError, NotFound, Unavailable
from heliograph.core.ids import spell
from heliograph.core.model.outcome import Deferred, Misconfigured, Outcome
from heliograph.delivery.consequences import consequences_of
from heliograph.delivery.sending import Sending, Sent
from heliograph.observability.failures import frames_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from heliograph.config import Delivery as Settings
    from heliograph.core.applications import Applications
    from heliograph.core.ids import Id
    from heliograph.core.model.delivery import Cursor, Page, Shard
    from heliograph.core.model.notification import Notification
    from heliograph.core.model.registration import ProviderName
    from heliograph.core.ports import Clock, Provider, ShardQueue
    from heliograph.core.store import ShardLedger

T = TypeVar("T")
_Hold = tuple["Id", int]

_log = structlog.get_logger("heliograph.delivery")

PATIENCE_S = 1.0
"""How long to wait before asking a database again that did not answer."""

GRACE_S = 6.0
"""How long pages in flight may take when the worker stops; then their shards go back."""

RELEASE_S = 1.0
"""How long giving those back may take; then their leases run out."""

DATABASE = "database"
"""What `Unavailable` names where waiting helps every shard alike."""


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
        self._held: dict[_Hold, tuple[Shard, float]] = {}
        self._tasks: dict[asyncio.Task[None], Shard] = {}
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`; then finish the pages in flight and give the shards back."""
        renewing = asyncio.create_task(self._renew_forever())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                try:
                    has_room = await self._claim()
                except Unavailable:
                    _log.warning("store_unavailable")
                    await self._pause()
                except Exception as error:  # noqa: BLE001 - the worker outlives a bad claim
                    _log.error("claim_failed", frames=frames_of(error))
                    await self._pause()
                else:
                    if has_room:
                        await self._queue.wait(self._settings.poll_s)
                    else:
                        await asyncio.wait(
                            [stopping, *self._tasks], return_when=asyncio.FIRST_COMPLETED
                        )
        finally:
            renewing.cancel()
            stopping.cancel()
            await self._finish()

    def stop(self) -> None:
        """Claim nothing more; shards stop after their page."""
        self._stopping.set()
        self._queue.wake()

    async def _claim(self) -> bool:
        """Fill what is free with shards; say whether there is room for more."""
        free = self._settings.pages_in_flight - len(self._tasks)
        asked = self._clock.monotonic()
        claimed = await self._queue.claim(free)
        for shard, notification in claimed:
            self._hold(shard, asked)
            task = asyncio.create_task(self._work(shard, notification))
            self._tasks[task] = shard
            task.add_done_callback(self._tasks.pop)
        return len(claimed) < free

    async def _finish(self) -> None:
        """Let the pages in flight end; cut off the late ones and give their shards back."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=GRACE_S)
        if not late:
            return
        shards = [self._tasks[task] for task in late]
        for task in late:
            task.cancel()
        try:
            async with asyncio.timeout(RELEASE_S):
                await asyncio.gather(*late, return_exceptions=True)
                await self._queue.release(shards)
        except (TimeoutError, CoreError):
            _log.warning("store_unavailable")

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
            self._held.pop(_key(shard), None)
            self._queue.wake()

    async def _pages(self, shard: Shard, notification: Notification) -> bool:
        """Send page after page; True when the shard has ended or is another's."""
        cursor = shard.cursor
        while not self._stopping.is_set():
            page = await self._read(shard, notification, cursor)
            if not self._holds(shard):
                # Frozen past its lease: by now another worker sends this page.
                _log.warning("lease_lost", shard=spell("shard", shard.id))
                return True
            page = _wanted(page, notification.options.category)
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
            if not await self._insist(partial(self._ledger.commit_page, commit)):
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
        except Unavailable as error:
            if error.component == DATABASE:
                raise
            # Waiting for it here would keep other applications' shards waiting too.
            locked: Outcome = Misconfigured(f"{error.component} is not at hand")
            return Sent([locked] * len(page.targets))
        return await self._sending.send(
            page.targets, notification, application, credentials, now=now
        )

    async def _read(self, shard: Shard, notification: Notification, cursor: Cursor | None) -> Page:
        read = partial(self._ledger.read_page, limit=self._settings.page_size)
        return await self._insist(lambda: read(shard, notification, cursor, now=self._clock.now()))

    async def _insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the database again while it is away; raises Unavailable once the worker stops.

        A lease that runs out meanwhile does no harm: a page is read anew by
        its next owner, and committed only while nobody else has claimed it.
        """
        while True:
            try:
                return await ask()
            except Unavailable:
                _log.warning("store_unavailable")
                if self._stopping.is_set():
                    raise
                await self._pause()

    async def _pause(self) -> None:
        """Wait before asking a database again, but no longer than the worker runs."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), PATIENCE_S)

    def _hold(self, shard: Shard, asked: float) -> None:
        """Note a lease. asked: when it was asked for, which is where it counts from."""
        self._held[_key(shard)] = (shard, asked + self._settings.lease_s)

    def _holds(self, shard: Shard) -> bool:
        held = self._held.get(_key(shard))
        return held is not None and self._clock.monotonic() < held[1]

    async def _renew_forever(self) -> None:
        """Prolong the leases of what is held, well before they end."""
        while True:
            await asyncio.sleep(self._settings.lease_s / 3)
            held = [shard for shard, _ in self._held.values() if self._holds(shard)]
            asked = self._clock.monotonic()
            try:
                await self._queue.renew(held)
            except Unavailable:
                continue
            except Exception as error:  # noqa: BLE001 - the next round may do better
                _log.error("renewal_failed", frames=frames_of(error))
                continue
            for shard in held:
                if _key(shard) in self._held:
                    self._hold(shard, asked)


def _wanted(page: Page, category: str | None) -> Page:
    """Leave out who does not want this kind of notification."""
    if category is None:
        return page
    wanting = [t for t in page.targets if registration_wants(t.attributes, category)]
    return replace(page, targets=wanting)


def _key(shard: Shard) -> _Hold:
    """Tell one claim of a shard from the next: this process may make both."""
    return shard.id, shard.epoch

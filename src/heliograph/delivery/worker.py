"""The worker: claims shards, has them worked on, and keeps their leases.

Broadcasts have all places but one; small sends share that last one, so that
a login code never waits behind a broadcast. A crash repeats at most the pages
in flight, with the same message ids; nothing is lost.

Source: docs/decisions/0015-lanes.md.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import structlog

from heliograph.core.errors import CoreError, Unavailable
from heliograph.core.ids import spell
from heliograph.core.turns import Room
from heliograph.delivery.budget import Budget
from heliograph.delivery.patience import PATIENCE_S, Patience
from heliograph.delivery.shard_work import ShardWork
from heliograph.observability.failures import frames_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from heliograph.config import Delivery as Settings
    from heliograph.core.applications.applications import Applications
    from heliograph.core.applications.credential_shelf import CredentialShelf
    from heliograph.core.ids import Id
    from heliograph.core.model.delivery import FirstPage, Page, Shard
    from heliograph.core.model.notification import Notification
    from heliograph.core.model.registration import ProviderName
    from heliograph.core.ports import Clock, Provider, ProviderPace, ShardQueue, Templates
    from heliograph.core.right_of_way import RightOfWay
    from heliograph.core.stores.store import ShardLedger
    from heliograph.delivery.small_sends import SmallSends

_Hold = tuple["Id", int]

_log = structlog.get_logger("heliograph.delivery")

GRACE_S = 6.0
"""How long pages in flight may take when the worker stops; then their shards go back."""

RELEASE_S = 1.0
"""How long giving those back may take; then their leases run out."""


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
        *,
        paces: Mapping[ProviderName, Callable[[float], ProviderPace]] | None = None,
        shelf: CredentialShelf | None = None,
        templates: Templates | None = None,
        small_sends: SmallSends | None = None,
        way: RightOfWay | None = None,
        pause_s: float = PATIENCE_S,
        grace_s: float = GRACE_S,
        release_s: float = RELEASE_S,
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._settings = settings
        self._grace_s = grace_s
        self._release_s = release_s
        self._patience = Patience(pause_s)
        self._work_on = ShardWork(
            queue,
            ledger,
            applications,
            providers,
            paces or {},
            clock,
            settings,
            self._patience,
            shelf=shelf,
            templates=templates,
            way=way,
        )
        self._small = Budget(settings.page_size)
        self._held: dict[_Hold, tuple[Shard, float]] = {}
        self._tasks: dict[asyncio.Task[None], Shard] = {}
        self._are_others_waiting = False
        self._may_small_wait = True
        self._small_sends = small_sends
        if small_sends is not None:
            small_sends.open(self)

    async def run(self) -> None:
        """Work until `stop`; then finish the pages in flight and give the shards back."""
        renewing = asyncio.create_task(self._renew_forever())
        try:
            while not self._patience.is_over:
                try:
                    await self._claim()
                except Unavailable:
                    _log.warning("store_unavailable")
                    await self._patience.pause()
                except Exception as error:  # noqa: BLE001 - the worker outlives a bad claim
                    _log.error("claim_failed", frames=frames_of(error))
                    await self._patience.pause()
                else:
                    # Woken by new work, and by every place that becomes free.
                    await self._queue.wait(self._settings.poll_s)
        finally:
            renewing.cancel()
            await self._finish()

    def stop(self) -> None:
        """Claim nothing more; shards stop after their page."""
        self._patience.end()
        self._queue.wake()

    def has_place(self) -> bool:
        """Say whether there is a place free for a small send that is not reserved."""
        return not self._patience.is_over and self._room().small > 0

    def begin(self, notification: Notification, first: FirstPage, asked: float) -> None:
        """Work on a small send that was accepted for a place here."""
        self._hold(first.shard, asked)
        task = asyncio.create_task(self._work(first.shard, notification, first.page))
        self._tasks[task] = first.shard

    def _room(self) -> Room:
        """Say how many shards of each lane there are places for."""
        places, small = self._settings.pages_in_flight, self._settings.small_sends
        reserved = self._small_sends.reserved if self._small_sends is not None else 0
        bulk = [
            (s.application_id, s.notification_id) for s in self._tasks.values() if not s.is_small
        ]
        if places == 1:
            # The only place is for whoever comes.
            free = 1 - len(self._tasks) - reserved
            return Room(free, free, bulk, self._settings.application_pages)
        return Room(
            small - reserved - (len(self._tasks) - len(bulk)),
            places - 1 - len(bulk),
            bulk,
            self._settings.application_pages,
        )

    async def _claim(self) -> None:
        """Fill what is free with shards."""
        room = self._room()
        if not room.has_any:
            return
        asked = self._clock.monotonic()
        claimed = await self._queue.claim(room)
        for shard, notification in claimed:
            self._hold(shard, asked)
            task = asyncio.create_task(self._work(shard, notification))
            self._tasks[task] = shard
        small = sum(shard.is_small for shard, _ in claimed)
        self._may_small_wait = small >= room.small
        if room.bulk > 0:
            self._are_others_waiting = len(claimed) - small >= room.bulk

    async def _finish(self) -> None:
        """Let the pages in flight end; cut off the late ones and give their shards back."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=self._grace_s)
        if not late:
            return
        shards = [self._tasks[task] for task in late]
        for task in late:
            task.cancel()
        try:
            async with asyncio.timeout(self._release_s):
                await asyncio.gather(*late, return_exceptions=True)
                await self._queue.release(shards)
        except (TimeoutError, CoreError):
            _log.warning("store_unavailable")

    async def _work(
        self, shard: Shard, notification: Notification, first: Page | None = None
    ) -> None:
        """Work on one shard until it ends, goes back, is lost, or the worker stops."""
        names = {
            "shard": spell("shard", shard.id),
            "notification": spell("notification", notification.id),
        }
        try:
            due = await self._work_on.run(
                shard,
                notification,
                holds=lambda: self._holds(shard),
                is_wanted=lambda: self._are_others_waiting,
                budget=self._small if shard.is_small else None,
                first=first,
            )
            if due is not None:
                self._wake_at(due)
        except CoreError as error:
            # The lease runs out and the shard is claimed again, here or elsewhere.
            _log.warning("shard_interrupted", error=type(error).__name__, **names)
        except Exception as error:  # noqa: BLE001 - one broken shard must not end the others
            _log.error("shard_failed", frames=frames_of(error), **names)
        finally:
            self._held.pop(_key(shard), None)
            # Here rather than when the task has ended: who is woken counts the places.
            self._tasks.pop(cast("asyncio.Task[None]", asyncio.current_task()), None)
            if not shard.is_small or self._may_small_wait:
                # A small send's place is no news where the last claim left some empty.
                self._queue.wake()

    def _wake_at(self, due: datetime) -> None:
        """Look again when a shard of ours is due, where polling would be late."""
        delay_s = (due - self._clock.now()).total_seconds()
        if delay_s < self._settings.poll_s:
            asyncio.get_running_loop().call_later(max(0.0, delay_s), self._queue.wake)

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


def _key(shard: Shard) -> _Hold:
    """Tell one claim of a shard from the next: this process may make both."""
    return shard.id, shard.epoch

"""The engine on a real SQLite store, with a scripted provider and a clock that obeys."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.unit.delivery.scripted import APPLICATION, ScriptedProvider, credential

from heliograph.config import Delivery, Storage
from heliograph.core.ids import new_id
from heliograph.core.model.application import Account
from heliograph.core.model.audience import Everyone
from heliograph.core.model.notification import Content, Notification, NotificationState, Options
from heliograph.core.model.registration import Draft, ProviderName, Slot, token_hash
from heliograph.core.registrations.slots import slot_hash
from heliograph.delivery.sweeper import Sweeper
from heliograph.delivery.worker import Worker
from heliograph.queues.ledger import LedgerQueue
from heliograph.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from tests.conftest import FakeClock

    from heliograph.core.model.application import Application, ProviderCredential
    from heliograph.core.model.delivery import Delivery as DeliveryRecord
    from heliograph.core.model.delivery import Page, PageCommit
    from heliograph.core.model.notification import Counters
    from heliograph.core.right_of_way import RightOfWay
    from heliograph.delivery.small_sends import SmallSends
    from heliograph.storage.store import SqlStore

SETTINGS = Delivery(page_size=20, pages_in_flight=4, lease_s=60, poll_s=0.02, max_attempts=3)
PATIENCE_S = 20.0
PAUSE_S = 0.05
"""Shorter than a server's: what a worker does after a pause doesn't hang on its length."""


async def until(holds: Callable[[], Awaitable[bool] | bool]) -> None:
    """Wait until something holds; fail if it takes unreasonably long."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.005)


class Ledger:
    """The store's ledger, with a door before each call where a test may stand."""

    def __init__(self, store: SqlStore) -> None:
        self._ledger = store.ledger
        self.before: dict[str, Callable[[], Awaitable[None]]] = {}
        self.after: dict[str, Callable[[], Awaitable[None]]] = {}
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        async def call(*given: Any, **named: Any) -> Any:
            self.calls.append(name)
            if name in self.before:
                await self.before[name]()
            answer = await getattr(self._ledger, name)(*given, **named)
            if name in self.after:
                await self.after[name]()
            return answer

        return call

    # Named for the type checker and for `partial`; both go through the doors above.
    async def read_page(self, *given: Any, **named: Any) -> Page:
        return await self.__getattr__("read_page")(*given, **named)

    async def commit_page(self, commit: PageCommit) -> bool:
        return await self.__getattr__("commit_page")(commit)


class KnownApplication:
    """Answers the one application and its credential, or raises what it is told."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.lacking: Exception | None = None
        self.credentials = (credential(),)

    async def get(self, application_id: bytes) -> Application:
        if self.error is not None:
            raise self.error
        return APPLICATION

    async def credentials_of(self, application_id: bytes) -> Sequence[ProviderCredential]:
        if self.lacking is not None:
            raise self.lacking
        return self.credentials


class Stage:
    """A store with phones, and any number of workers on it."""

    def __init__(self, store: SqlStore, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.ledger = Ledger(store)
        self.applications = KnownApplication()
        self.provider = ScriptedProvider()

    def worker(
        self,
        name: str = "one",
        *,
        waits: Mapping[str, float] | None = None,
        places: SmallSends | None = None,
        way: RightOfWay | None = None,
        **settings: Any,
    ) -> tuple[Worker, LedgerQueue]:
        """A worker with its queue. waits: its own for a database, pages in flight, a release."""
        wanted = SETTINGS.model_copy(update=settings)
        queue = LedgerQueue(self.ledger, self.clock, worker=name, lease_s=wanted.lease_s)
        worker = Worker(
            queue,
            self.ledger,
            self.applications,
            {ProviderName.FCM: self.provider},
            self.clock,
            wanted,
            small_sends=places,
            way=way,
            **{"pause_s": PAUSE_S, **(waits or {})},
        )
        return worker, queue

    @asynccontextmanager
    async def working(self, name: str = "one", **settings: Any) -> AsyncIterator[LedgerQueue]:
        """A worker at work; it is stopped in good order at the end."""
        worker, queue = self.worker(name, **settings)
        task = asyncio.create_task(worker.run())
        try:
            yield queue
        finally:
            worker.stop()
            await asyncio.wait_for(task, PATIENCE_S)

    @asynccontextmanager
    async def sweeping(self, queue: LedgerQueue) -> AsyncIterator[None]:
        """A sweeper at work."""
        sweeper = Sweeper(self.ledger, queue, self.clock, every_s=0.01)
        task = asyncio.create_task(sweeper.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def phones(self, count: int, *, bucket: int | None = None) -> list[str]:
        """Register phones, all in one bucket if one is named; answers their tokens."""
        devices = []
        number = 0
        while len(devices) < count:
            device = f"d{bucket}-{number}"
            number += 1
            if bucket is None or _bucket_of(device) == bucket:
                devices.append(device)
        drafts = [
            Draft(
                application_id=APPLICATION.id,
                slot=Slot(device_id=device),
                provider=ProviderName.FCM,
                token=f"token of {device}",
                arrived_at=self.clock.now(),
                origin="test",
                device_id=device,
            )
            for device in devices
        ]
        await asyncio.gather(*map(self.store.registry.register, drafts))
        return [draft.token for draft in drafts]

    async def notify(self, audience: Any = None, **options: Any) -> Notification:
        """Accept a notification that starts now."""
        notification = self.a_notification(audience, **options)
        await self.store.notifications.accept(notification)
        return notification

    def a_notification(self, audience: Any = None, **options: Any) -> Notification:
        """Make one that starts now."""
        now = self.clock.now()
        return Notification(
            new_id(now),
            APPLICATION.id,
            audience or Everyone(),
            Content(body="a secret text"),
            Options(**options),
            NotificationState.RUNNING,
            now,
            now,
        )

    async def is_complete(self, notification: Notification) -> bool:
        """Say whether nothing of a notification is left to do."""
        stored = await self.store.notifications.notification(APPLICATION.id, notification.id)
        assert stored is not None
        return stored.state is NotificationState.COMPLETED

    async def state_of(self, notification: Notification) -> NotificationState:
        """Say how a notification stands."""
        stored = await self.store.notifications.notification(APPLICATION.id, notification.id)
        assert stored is not None
        return stored.state

    async def completes(self, notification: Notification) -> Counters:
        """Wait until a notification is complete; answer its counters."""
        await until(lambda: self.is_complete(notification))
        return await self.counters(notification)

    async def counters(self, notification: Notification) -> Counters:
        return await self.store.notifications.counters(notification.id)

    async def deliveries(self, notification: Notification) -> Sequence[DeliveryRecord]:
        return await self.store.notifications.deliveries(notification, after=None, limit=10_000)

    def received_once(self, tokens: list[str]) -> bool:
        """Say whether each of these tokens, and no other, was sent to exactly once."""
        return dict(self.provider.received) == dict.fromkeys(tokens, 1)


@asynccontextmanager
async def open_stage(directory: Path, clock: FakeClock) -> AsyncIterator[Stage]:
    """Open a store with one application in it."""
    store = await open_store(Storage(), directory)
    await store.identity.add_account(Account(APPLICATION.account_id, "default", clock.now()))
    await store.identity.add_application(APPLICATION)
    try:
        yield Stage(store, clock)
    finally:
        await store.close()


def _bucket_of(device: str) -> int:
    digest = token_hash("fcm", f"token of {device}")
    slot = Slot(device_id=device)
    return slot_hash(APPLICATION.id, slot, user_id=None, provider="fcm", token_hash=digest)[-1]

"""A whole engine against the fakes of every provider, over real sockets."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

from heliograph.config import Apns, Config, Delivery, Fcm
from heliograph.core.clock import SystemClock
from heliograph.core.ids import uuid_text
from heliograph.core.model.application import ApnsCredential, Defaults, FcmCredential
from heliograph.core.model.audience import Everyone
from heliograph.core.model.identity import ALL_SCOPES, ApiClient, ClientPrincipal
from heliograph.core.model.listing import RegistrationFilter
from heliograph.core.model.notification import Content, NotificationState, Options
from heliograph.core.model.registration import Draft, Environment, ProviderName, Slot
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from heliograph.config import Storage
    from heliograph.core.model.application import Application
    from heliograph.core.model.delivery import Delivery as DeliveryRecord
    from heliograph.core.model.notification import Counters, Notification
    from heliograph.core.model.registration import Registration
    from heliograph.simulators import Simulators

PATIENCE_S = 60.0


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds; fail if it takes unreasonably long."""
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110 - what is waited for is in a database
            await asyncio.sleep(0.02)


class ShiftedClock(SystemClock):
    """The real clock, put forward when a test says so."""

    def __init__(self) -> None:
        self.shift: timedelta | None = None

    def now(self) -> datetime:
        now = super().now()
        return now + self.shift if self.shift else now


def config_of(directory: Path, simulators: Simulators, storage: Storage, **delivery: Any) -> Config:
    """Settings that point at the fakes and lose no time."""
    settings = {"poll_s": 0.05, "sweep_s": 0.05, "lease_s": 5.0, "page_size": 200} | delivery
    return Config(
        data=directory / "data",
        storage=storage,
        delivery=Delivery(**settings),
        apns=Apns(
            production_url=simulators.apns.url,
            sandbox_url=simulators.apns_sandbox.url,
            ca_file=simulators.ca_file,
        ),
        fcm=Fcm(url=simulators.fcm.url, ca_file=simulators.ca_file),
    )


class Engine:
    """A started stack with one application, its credentials and its phones."""

    def __init__(
        self, stack: Stack, simulators: Simulators, application: Application, back_end: ApiClient
    ) -> None:
        self.stack = stack
        self.core = stack.core
        self.simulators = simulators
        self.application = application
        self.back_end = ClientPrincipal(back_end)

    @classmethod
    async def beside(cls, stack: Stack, simulators: Simulators) -> Self:
        """Make an application with its credentials in a stack."""
        applications = stack.core.applications
        account = await applications.account()
        application = await applications.create(
            account.id, "demo", Defaults(simulators.apns_credential.topic)
        )
        back_end, _ = await applications.create_client(account.id, "test", scopes=ALL_SCOPES)
        engine = cls(stack, simulators, application, back_end)
        await engine.set_credentials()
        return engine

    async def set_credentials(self) -> None:
        """Give the application the keys that the fakes accept."""
        given = self.simulators.apns_credential
        key = ApnsCredential(given.key_id, given.team_id, given.p8)
        for environment in Environment:
            await self.core.applications.set_credential(self.application, environment, key)
        account = self.simulators.fcm_service_account
        await self.core.applications.set_credential(
            self.application,
            Environment.PRODUCTION,
            FcmCredential(
                account["project_id"],
                account["client_email"],
                account["private_key_id"],
                account["private_key"],
                account["token_uri"],
            ),
        )

    async def phones(
        self,
        count: int,
        provider: ProviderName = ProviderName.APNS,
        *,
        age: timedelta | None = None,
    ) -> list[str]:
        """Register phones of a provider; answers their tokens."""
        now = self.core.clock.now()
        drafts = []
        for _ in range(count):
            token = secrets.token_hex(32)
            if provider is ProviderName.FCM:
                token = f"{token[:22]}:APA91b{secrets.token_urlsafe(60)}"
            drafts.append(
                Draft(
                    application_id=self.application.id,
                    slot=Slot(device_id=token[:20]),
                    provider=provider,
                    token=token,
                    arrived_at=now - age if age else now,
                    origin="test",
                    device_id=token[:20],
                )
            )
        await asyncio.gather(*map(self.stack.store.registry.register, drafts))
        return [draft.token for draft in drafts]

    async def broadcast(self, **options: Any) -> Notification:
        """Send to everyone."""
        return await self.core.notifications.accept(
            self.back_end, self.application, Everyone(), Content(body="hello"), Options(**options)
        )

    async def counters(self, notification: Notification) -> Counters:
        report = await self.core.notifications.report(
            self.back_end, self.application, notification.id
        )
        return report.counters

    async def is_complete(self, notification: Notification) -> bool:
        report = await self.core.notifications.report(
            self.back_end, self.application, notification.id
        )
        return report.notification.state is NotificationState.COMPLETED

    async def completes(self, notification: Notification) -> Counters:
        """Wait until nothing of a notification is left to do."""
        await until(lambda: self.is_complete(notification))
        return await self.counters(notification)

    async def reaches(self, notification: Notification, count: int) -> Counters:
        """Wait until this many phones were tried."""

        async def has_tried() -> bool:
            return (await self.counters(notification)).targets == count

        await until(has_tried)
        return await self.counters(notification)

    async def deliveries(self, notification: Notification) -> Sequence[DeliveryRecord]:
        return await self.stack.store.notifications.deliveries(
            notification, after=None, limit=100_000
        )

    async def living(self) -> Sequence[Registration]:
        return await self.stack.store.registry.find(
            self.application.id, RegistrationFilter(), after=None, limit=100_000
        )

    def received(self) -> dict[str, int]:
        """How many pushes each token got."""
        counts: dict[str, int] = {}
        for push in self.simulators.inbox.received():
            counts[push.token] = counts.get(push.token, 0) + 1
        return counts

    def message_ids(self, token: str) -> set[str]:
        """The ids of all pushes that one token got."""
        return {push.headers["apns-id"] for push in self.simulators.inbox.received(token)}


@asynccontextmanager
async def running(
    config: Config, simulators: Simulators, *, starts: bool = True, **parts: Any
) -> AsyncIterator[Engine]:
    """A stack with a new application, at work if it starts."""
    stack = await Stack.open(config, **parts)
    try:
        engine = await Engine.beside(stack, simulators)
        if starts:
            stack.start()
        yield engine
    finally:
        await stack.stop()


def derived_id(notification: Notification, row: Registration) -> str:
    """The id that a push carries, however often it is repeated."""
    mixed = bytes(a ^ b for a, b in zip(notification.id, row.id, strict=True))
    return uuid_text(mixed)

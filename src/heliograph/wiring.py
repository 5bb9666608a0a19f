"""Builds the server from its parts: the only file, but `carriers.py`, that names adapters."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from heliograph.carriers import (
    CREDENTIAL_READERS,
    PACES,
    Carriers,
    address_checks,
    credential_checks,
    guard_of,
    provider_rules,
)
from heliograph.config import Role, SettingsError
from heliograph.core.aliases import Aliases
from heliograph.core.applications.applications import Applications
from heliograph.core.applications.credential_shelf import CredentialShelf
from heliograph.core.applications.life import ApplicationLife
from heliograph.core.applications.named_applications import NamedApplications
from heliograph.core.applications.provider_settings import ProviderSettings
from heliograph.core.applications.webpush_keys import WebPushKeys
from heliograph.core.breakers import Breakers
from heliograph.core.clock import SystemClock
from heliograph.core.core import Core
from heliograph.core.identity.identity import Identity
from heliograph.core.identity.issuers import Issuers
from heliograph.core.identity.logins import Logins
from heliograph.core.identity.members import Members
from heliograph.core.identity.nonces import Nonces
from heliograph.core.identity.people import People
from heliograph.core.identity.rates import Rates
from heliograph.core.identity.sessions import Sessions
from heliograph.core.model.registration import ProviderName
from heliograph.core.model.webhook import WebhookForm
from heliograph.core.notifications.admission import Admission
from heliograph.core.notifications.channels import Channels
from heliograph.core.notifications.dry_runs import DryRuns
from heliograph.core.notifications.notifications import Notifications
from heliograph.core.notifications.receipts import Receipts
from heliograph.core.notifications.recipient_lists import RecipientLists
from heliograph.core.registrations.registrations import Registrations
from heliograph.core.registrations.tags import Tags
from heliograph.core.registrations.topic_subscriptions import TopicSubscriptions
from heliograph.core.right_of_way import RightOfWay
from heliograph.core.webhooks.webhooks import Webhooks
from heliograph.delivery.retention import Retention
from heliograph.delivery.small_sends import SmallSends
from heliograph.delivery.starter import Starter
from heliograph.delivery.sweeper import Sweeper
from heliograph.delivery.webhooks import Courier
from heliograph.delivery.worker import Worker
from heliograph.dialects.discord import DIALECT as DISCORD
from heliograph.dialects.layer import DIALECT as LAYER
from heliograph.dialects.mobilefirst import DIALECT as MOBILEFIRST
from heliograph.dialects.mobilefirst.events import EventRenderer as MobilefirstEvents
from heliograph.dialects.native import DIALECT as NATIVE
from heliograph.dialects.navixy import DIALECT as NAVIXY
from heliograph.dialects.twilio import DIALECT as TWILIO
from heliograph.outbound.key_sets import HttpKeySets
from heliograph.outbound.tls import shared_client_tls
from heliograph.outbound.webhook_posts import GuardedPosts
from heliograph.providers.apns.certificates import read_file
from heliograph.providers.webpush.settings import new_key
from heliograph.queues.ledger import LedgerQueue, worker_name
from heliograph.rendering.late import LateTemplates
from heliograph.security.jwks import JwtReader
from heliograph.security.passwords import Argon2Passwords
from heliograph.security.rate_counters import MemoryCounters
from heliograph.security.sealing import KeyRing
from heliograph.security.signing import HmacSigner
from heliograph.storage.shards.announcing import Listener
from heliograph.storage.store import open_store
from heliograph.web.application import Application
from heliograph.web.door import doors_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.config import Config
    from heliograph.core.ports import Clock, Previewer
    from heliograph.core.stores.store import Store
    from heliograph.web.dialect import Dialect

DIALECTS: tuple[Dialect, ...] = (NATIVE, LAYER, NAVIXY, TWILIO, DISCORD, MOBILEFIRST)

# Of the worker's stop, of what was cancelled to notice, and of it all: 10 s are the promise.
_WORKER_STOP_S, _CANCEL_S, _STOP_S = 6.5, 0.5, 8.0
_YOUNG = 10_000
"""Objects made before Python looks for circles among them."""


class RolesNeedPostgres(Exception):
    """Split roles were asked for on SQLite, which serves one process."""


class Stack:
    """One server's parts, put together. `start` sets the worker going, `stop` ends it all."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        keys: KeyRing,
        *,
        way: RightOfWay | None = None,
        dialects: Sequence[Dialect] = DIALECTS,
        passwords: Argon2Passwords | None = None,
    ) -> None:
        self.config = config
        self.store = store
        name, lease_s = worker_name(), config.delivery.lease_s
        self.queue = LedgerQueue(store.ledger, clock, worker=name, lease_s=lease_s)
        self._way = way = way or RightOfWay(clock.monotonic)
        self._small_sends = SmallSends(clock, config.delivery, worker=name, way=way)
        # For every URL that a customer or a device supplies.
        self.guard = guard_of(config)
        self._keys = keys
        self._posts = GuardedPosts(
            self.guard,
            shared_client_tls(config.webhooks.ca_file),
            timeout_s=config.webhooks.timeout_s,
        )
        cache_ttl_s = config.security.cache_ttl_s
        signer = HmacSigner(keys)
        applications = Applications(
            store.identity,
            keys,
            clock,
            cache_ttl_s=cache_ttl_s,
            checks=credential_checks(config, self.guard),
        )
        webpush_keys = WebPushKeys(applications, new_key)
        registrations = Registrations(
            store.registry,
            clock,
            address_checks=address_checks(config, self.guard),
            webpush_keys=webpush_keys,
        )
        self._templates = LateTemplates()
        self._shelf = CredentialShelf(
            store.credentials,
            applications,
            clock,
            readers=CREDENTIAL_READERS,
            cache_ttl_s=cache_ttl_s,
        )
        dry_runs = DryRuns(
            store.audiences,
            applications,
            clock,
            self._previewer_of,
            shelf=self._shelf,
            templates=self._templates,
        )
        admission = Admission(
            store.audiences,
            dry_runs,
            self._shelf,
            self._templates,
            clock,
            provider_rules(self.guard),
        )
        aliases = Aliases(store.aliases, clock, cache_ttl_s=cache_ttl_s)
        identity = Identity(
            store.identity, clock, aliases, cache_ttl_s=cache_ttl_s, members=store.members
        )
        sessions = Sessions(store.sessions, identity, keys, clock)
        nonces = Nonces(signer, clock, store.nonces)
        self._key_sets = HttpKeySets(self.guard)
        notifications = Notifications(
            store.notifications,
            clock,
            self.queue.wake,
            admission.problems_of,
            admission.address_problems,
            small_sends=self._small_sends,
        )
        rates = Rates(MemoryCounters(clock.monotonic), config.limits)
        self._passwords = passwords or Argon2Passwords()
        self._carriers = Carriers(config, self.guard, clock, way)
        self.channel_carriers = self._carriers.channel_carriers
        people = People(store.people, identity, clock)
        self.core = Core(
            applications=applications,
            application_life=ApplicationLife(store.applications, applications, aliases),
            provider_settings=ProviderSettings(
                store.applications,
                applications,
                self._shelf,
                keys,
                readers={ProviderName.APNS: read_file},
            ),
            identity=identity,
            logins=Logins(store.logins, identity, sessions, self._passwords, rates, clock),
            sessions=sessions,
            rates=rates,
            registrations=registrations,
            notifications=notifications,
            dry_runs=dry_runs,
            breakers=Breakers(store.breakers, clock, self.queue.wake),
            nonces=nonces,
            issuers=Issuers(
                store.issuers, JwtReader(), self._key_sets, identity, nonces, clock, cache_ttl_s
            ),
            members=Members(store.members, identity, sessions, notifications, clock),
            tags=Tags(store.tags, registrations, clock),
            topic_subscriptions=TopicSubscriptions(
                applications, registrations, self._carriers.topic_services, clock
            ),
            channels=Channels(applications, self.channel_carriers),
            credentials=self._shelf,
            people=people,
            named_applications=NamedApplications(applications, aliases, people),
            recipient_lists=RecipientLists(store.recipients, clock, self._templates),
            webpush_keys=webpush_keys,
            webhooks=Webhooks(store.webhooks, self._posts, keys, clock),
            receipts=Receipts(store.receipts, registrations, clock),
            aliases=aliases,
            signer=signer,
            clock=clock,
        )
        # A worker's process answers for its health, and opens no door.
        doors = () if config.role is Role.WORKER else doors_of(config, dialects)
        self.application = Application(self.core, doors, config, missing_parts=self._missing_parts)
        self._tasks: list[asyncio.Task[None]] = []
        self._worker: Worker | None = None

    @classmethod
    async def open(
        cls,
        config: Config,
        *,
        dialects: Sequence[Dialect] = DIALECTS,
        clock: Clock | None = None,
        passwords: Argon2Passwords | None = None,
        exclusive: bool = True,
    ) -> Self:
        """Open the store and the keys, and put the parts together.

        exclusive: serve alone, as SQLite needs; a command that runs beside a
        server passes False. Raises DatabaseInUse, RolesNeedPostgres,
        Unavailable, KeyFileError, and SettingsError for doors and proxies
        that can't be.
        """
        if config.role is not Role.ALL and config.storage.database_url is None:
            raise RolesNeedPostgres(
                f"--role {config.role} needs PostgreSQL (--database-url): "
                "SQLite serves one process, which runs every role"
            )
        config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        keys = KeyRing.load(config.security.key_file or config.data / "keys")
        clock = clock or SystemClock()
        way = RightOfWay(clock.monotonic)
        store = await open_store(config.storage, config.data, exclusive=exclusive, way=way)
        try:
            return cls(config, store, clock, keys, way=way, dialects=dialects, passwords=passwords)
        except ValueError as error:
            await store.close()
            raise SettingsError(str(error)) from error

    def start(self) -> None:
        """Make the providers, and set the delivery engine going, where this role has one."""
        settings, clock = self.config.delivery, self.core.clock
        self._carriers.make(self.core.receipts)
        if self.config.role is not Role.API:
            self._worker = Worker(
                self.queue,
                self.store.ledger,
                self.core.applications,
                self._carriers.providers,
                clock,
                settings,
                paces=PACES,
                shelf=self._shelf,
                templates=self._templates,
                small_sends=self._small_sends,
                way=self._way,
            )
            retention = Retention(self.store.retention, clock, self.config.retention)
            sweeper = Sweeper(self.store.ledger, self.queue, clock, every_s=settings.sweep_s)
            courier = Courier(
                self.store.webhooks,
                self._posts,
                self._keys,
                clock,
                self.config.webhooks,
                renderers={WebhookForm.MOBILEFIRST: MobilefirstEvents(self.core)},
            )
            starter = Starter(self.store.notifications, self.queue, clock, every_s=settings.sweep_s)
            self._tasks = [
                asyncio.create_task(self._worker.run(), name="worker"),
                asyncio.create_task(sweeper.run(), name="sweeper"),
                asyncio.create_task(retention.run(), name="retention"),
                asyncio.create_task(starter.run(), name="starter"),
                asyncio.create_task(courier.run(), name="webhooks"),
            ]
            if (url := self.config.storage.database_url) is not None:
                listener = Listener(url.get_secret_value(), self.queue.wake)
                self._tasks.append(asyncio.create_task(listener.run(), name="listener"))
        # What start-up made lives as long as the process. Left among the
        # young, it would hold the loop for 40 ms at every full collection.
        gc.collect()
        gc.freeze()
        # The young are looked at after every 700th of them otherwise: a dozen requests.
        gc.set_threshold(_YOUNG, 20, 20)

    def stop_claiming(self) -> None:
        """Let the worker stop after its pages, while requests still end."""
        if self._worker is not None:
            self._worker.stop()

    async def stop(self) -> None:
        """Finish the pages in flight, release the rest, and close everything.

        A database that doesn't answer any more is left to itself in the end.
        """
        deadline = asyncio.get_running_loop().time() + _STOP_S
        self._passwords.close()
        if self._worker is not None:
            worker, *others = self._tasks
            for task in others:
                task.cancel()
            self._worker.stop()
            _, late = await asyncio.wait([worker], timeout=_WORKER_STOP_S)
            for task in late:
                task.cancel()
            # A silent database holds up even a task that was cancelled: it rolls back.
            gathered = asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.wait([gathered], timeout=_CANCEL_S)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._carriers.close()
                await self._posts.aclose()
                await self._key_sets.aclose()
                await self.store.close()

    def _previewer_of(self, name: ProviderName) -> Previewer | None:
        self._carriers.make(self.core.receipts)
        return self._carriers.providers.get(name)

    async def _missing_parts(self) -> list[str]:
        away = [] if await self.store.is_ready() else ["database"]
        return away + [task.get_name() for task in self._tasks if task.done()]

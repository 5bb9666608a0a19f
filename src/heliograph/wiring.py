"""Builds the server from its parts: the only file that names concrete adapters."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from heliograph.config import Role, SettingsError
from heliograph.core.aliases import Aliases
from heliograph.core.applications import Applications
from heliograph.core.clock import SystemClock
from heliograph.core.core import Core
from heliograph.core.identity import Identity
from heliograph.core.model.registration import ProviderName
from heliograph.core.nonces import Nonces
from heliograph.core.notifications import Notifications
from heliograph.core.registrations import Registrations
from heliograph.core.tags import Tags
from heliograph.delivery.sweeper import Sweeper
from heliograph.delivery.worker import Worker
from heliograph.dialects.discord import DIALECT as DISCORD
from heliograph.dialects.layer import DIALECT as LAYER
from heliograph.dialects.mobilefirst import DIALECT as MOBILEFIRST
from heliograph.dialects.native import DIALECT as NATIVE
from heliograph.dialects.navixy import DIALECT as NAVIXY
from heliograph.dialects.twilio import DIALECT as TWILIO
from heliograph.providers.apns import ApnsProvider
from heliograph.providers.fcm import FcmProvider
from heliograph.queues.ledger import LedgerQueue
from heliograph.security.sealing import KeyRing
from heliograph.security.signing import HmacSigner
from heliograph.storage.store import open_store
from heliograph.web.application import Application
from heliograph.web.door import doors_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heliograph.config import Config
    from heliograph.core.ports import Clock, Provider
    from heliograph.core.store import Store
    from heliograph.web.dialect import Dialect

DIALECTS: tuple[Dialect, ...] = (NATIVE, LAYER, NAVIXY, TWILIO, DISCORD, MOBILEFIRST)

_WORKER_STOP_S = 6.5
"""How long the worker may take to stop."""

_CANCEL_S = 0.5
"""How long what was cancelled may take to notice."""

_STOP_S = 8.0
"""How long the whole stop may take; 10 s is the promise."""


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
        dialects: Sequence[Dialect] = DIALECTS,
    ) -> None:
        self.config = config
        self.store = store
        self.queue = LedgerQueue(
            store.ledger, clock, worker=_worker_name(), lease_s=config.delivery.lease_s
        )
        cache_ttl_s = config.security.cache_ttl_s
        registrations = Registrations(store.registry, clock)
        signer = HmacSigner(keys)
        self.core = Core(
            applications=Applications(store.identity, keys, clock, cache_ttl_s=cache_ttl_s),
            identity=Identity(store.identity, clock, cache_ttl_s=cache_ttl_s),
            registrations=registrations,
            notifications=Notifications(store.notifications, clock, self.queue.wake),
            nonces=Nonces(signer, clock),
            tags=Tags(store.tags, registrations, clock),
            aliases=Aliases(store.aliases, clock, cache_ttl_s=cache_ttl_s),
            signer=signer,
            clock=clock,
        )
        # A worker's process answers for its health, and opens no door.
        doors = () if config.role is Role.WORKER else doors_of(config, dialects)
        self.application = Application(self.core, doors, config, missing_parts=self._missing_parts)
        self._tasks: list[asyncio.Task[None]] = []
        self._worker: Worker | None = None
        self._providers: Mapping[ProviderName, Provider] = {}

    @classmethod
    async def open(
        cls,
        config: Config,
        *,
        dialects: Sequence[Dialect] = DIALECTS,
        clock: Clock | None = None,
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
        store = await open_store(config.storage, config.data, exclusive=exclusive)
        try:
            return cls(config, store, clock or SystemClock(), keys, dialects=dialects)
        except ValueError as error:
            await store.close()
            raise SettingsError(str(error)) from error

    def start(self) -> None:
        """Set the delivery engine going, where this role has one."""
        if self.config.role is not Role.API:
            settings, clock = self.config.delivery, self.core.clock
            timeout_s = settings.request_timeout_s
            self._providers = {
                ProviderName.APNS: ApnsProvider(
                    self.config.apns, clock, request_timeout_s=timeout_s
                ),
                ProviderName.FCM: FcmProvider(self.config.fcm, clock, request_timeout_s=timeout_s),
            }
            self._worker = Worker(
                self.queue,
                self.store.ledger,
                self.core.applications,
                self._providers,
                clock,
                settings,
            )
            sweeper = Sweeper(self.store.ledger, self.queue, clock, every_s=settings.sweep_s)
            self._tasks = [
                asyncio.create_task(self._worker.run(), name="worker"),
                asyncio.create_task(sweeper.run(), name="sweeper"),
            ]
        # What start-up made lives as long as the process. Left among the
        # young, it would hold the loop for 40 ms at every full collection.
        gc.collect()
        gc.freeze()

    def stop_claiming(self) -> None:
        """Let the worker stop after its pages, while requests still end."""
        if self._worker is not None:
            self._worker.stop()

    async def stop(self) -> None:
        """Finish the pages in flight, release the rest, and close everything.

        A database that doesn't answer any more is left to itself in the end.
        """
        deadline = asyncio.get_running_loop().time() + _STOP_S
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
                for provider in self._providers.values():
                    await provider.close()
                await self.store.close()

    async def _missing_parts(self) -> list[str]:
        missing = [] if await self.store.is_ready() else ["database"]
        missing += [task.get_name() for task in self._tasks if task.done()]
        return missing


def _worker_name() -> str:
    """Name this process in the shard table, for operators to read."""
    return f"{socket.gethostname()}:{os.getpid()}"

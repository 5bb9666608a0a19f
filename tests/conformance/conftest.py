"""A server for one case: an application, keys and sessions, and a neighbour to keep out."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.conformance.logins import furnish_logins
from tests.conformance.mobilefirst.furnish import furnish_mobilefirst
from tests.conformance.native.furnish import ChannelShelf, furnish_native
from tests.conformance.signing import furnish_issuers
from tests.conformance.twilio.furnish import furnish_twilio
from tests.conftest import cheap_passwords

from heliograph.config import Config
from heliograph.core.clock import SystemClock
from heliograph.core.ids import spell
from heliograph.core.model.identity import Scope, SessionForm
from heliograph.core.model.registration import ProviderName
from heliograph.security.sealing import KeyRing
from heliograph.storage.database.sqlite import FILE_NAME
from heliograph.storage.store import open_store
from heliograph.wiring import DIALECTS, Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime

    from heliograph.security.passwords import Argon2Passwords
    from heliograph.storage.store import SqlStore


@dataclass(frozen=True, slots=True)
class Site:
    """A server, and the variables that cases may name."""

    stack: Stack
    config: Config
    variables: dict[str, str] = field(default_factory=dict)


class TickingClock(SystemClock):
    """The real time, but no millisecond twice: lists by age are in one order."""

    def __init__(self) -> None:
        self._last = super().now()

    def now(self) -> datetime:
        self._last = max(super().now(), self._last + timedelta(milliseconds=1))
        return self._last


class LentStore:
    """A store that stays open when a server stops."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def close(self) -> None:
        await self._store.registry.drain()


@dataclass(frozen=True, slots=True)
class Premises:
    """What all servers of a run share: a furnished database, its keys, a clock.

    Opening and furnishing one costs fifty times what a case does. So each case
    has a server of its own, with nothing remembered, on one database that is
    put back to what it was, page by page.
    """

    config: Config
    store: LentStore
    keys: KeyRing
    passwords: Argon2Passwords
    clock: TickingClock
    variables: dict[str, str]
    original: sqlite3.Connection
    live: sqlite3.Connection

    def stack(self) -> Stack:
        """Put a new server together."""
        stack = Stack(
            self.config,
            self.store,
            self.clock,
            self.keys,
            dialects=DIALECTS,
            passwords=self.passwords,
        )
        stack.channel_carriers[ProviderName.APNS] = ChannelShelf()
        return stack

    def restore(self) -> None:
        """Make the database what it was before any case."""
        self.original.backup(self.live)


@pytest.fixture(scope="session")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    folder = tmp_path_factory.mktemp("premises")
    config = Config(data=folder / "live")
    config = replace_model(
        config, listener=replace_model(config.listener, public_url="https://push.test")
    )
    clock = TickingClock()
    variables = asyncio.run(furnished(config, clock))
    config = replace_model(config, default_application=variables["app"])
    shutil.copytree(config.data, folder / "original")
    with (
        closing(sqlite3.connect(folder / "original" / FILE_NAME)) as original,
        closing(sqlite3.connect(config.data / FILE_NAME)) as live,
    ):
        store = asyncio.run(open_store(config.storage, config.data))
        keys = KeyRing.load(config.data / "keys")
        passwords = cheap_passwords()
        yield Premises(config, LentStore(store), keys, passwords, clock, variables, original, live)
        asyncio.run(store.close())


@pytest.fixture
async def site(premises: Premises) -> AsyncIterator[Site]:
    stack = premises.stack()
    try:
        yield Site(stack, stack.config, dict(premises.variables))
    finally:
        await stack.stop()
        premises.restore()


def replace_model(model, **changes):
    """Copy a frozen section of the settings with other values."""
    return model.model_copy(update=changes)


async def furnished(config: Config, clock: TickingClock) -> dict[str, str]:
    """Make the database that every case finds; answer its variables."""
    stack = await Stack.open(config, dialects=DIALECTS, clock=clock, passwords=cheap_passwords())
    try:
        return await _furnish(stack)
    finally:
        await stack.stop()


async def _furnish(stack: Stack) -> dict[str, str]:
    core = stack.core
    account = await core.applications.account()
    application = await core.applications.create(account.id, "demo")
    other = await core.applications.create(account.id, "other")
    _, api_key = await core.applications.create_client(account.id, "back end")
    _, read_key = await core.applications.create_client(
        account.id, "reader", scopes=frozenset({Scope.REGISTRATIONS_READ})
    )
    _, other_key = await core.applications.create_client(
        account.id, "neighbour", application_id=other.id
    )
    _, session = await core.identity.create_session(application, "ann", SessionForm.NATIVE, None)
    _, layer_session = await core.identity.create_session(
        application, "ann", SessionForm.LAYER, None
    )
    _, navixy_hash = await core.identity.create_session(
        application, "ann", SessionForm.NAVIXY, None
    )
    _, discord_session = await core.identity.create_session(
        application, "ann", SessionForm.DISCORD, None
    )
    _, discord_session_of_bob = await core.identity.create_session(
        application, "bob", SessionForm.DISCORD, None
    )
    logins = await furnish_logins(stack, application)
    return {
        **logins,
        "app": spell("application", application.id),
        "other_app": spell("application", other.id),
        "in_an_hour": (core.clock.now() + timedelta(hours=1)).isoformat(),
        "api_key": api_key,
        "read_key": read_key,
        "other_key": other_key,
        "session": session,
        "layer_session": layer_session,
        "discord_session": discord_session,
        "discord_session_of_bob": discord_session_of_bob,
        "navixy_hash": navixy_hash,
        **await furnish_issuers(stack, await core.identity.client(api_key), application),
        **await furnish_native(stack),
        **await furnish_twilio(stack, application, other),
        **await furnish_mobilefirst(stack, application, other),
    }

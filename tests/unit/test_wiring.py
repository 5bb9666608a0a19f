from __future__ import annotations

import asyncio
import gc
import sqlite3
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url
from tests.asgi_client import call
from tests.unit.delivery.stage import until

from heliograph.config import Config, Delivery, Outbound, Role, SettingsError, Storage
from heliograph.core.errors import Unavailable
from heliograph.core.ids import new_id
from heliograph.core.model.audience import Everyone
from heliograph.core.model.identity import ALL_SCOPES, ApiClient, ClientPrincipal
from heliograph.core.model.notification import Content, NotificationState, Options
from heliograph.core.model.registration import Draft, ProviderName, Slot
from heliograph.storage.database.sqlite import FILE_NAME
from heliograph.wiring import DIALECTS, RolesNeedPostgres, Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.conftest import FakeClock

    from heliograph.web.dialect import Dialect

pytestmark = pytest.mark.anyio

PROMISE_S = 10
"""Within this time a server that is told to stop has stopped."""


@pytest.fixture(autouse=True, scope="module")
def frozen() -> Iterator[None]:
    """Leave what this process loaded out of each start's collection, or it takes a second."""
    gc.freeze()
    yield
    gc.freeze()


@asynccontextmanager
async def started(config: Config, **parts: object) -> AsyncIterator[Stack]:
    stack = await Stack.open(config, **parts)
    stack.start()
    try:
        yield stack
    finally:
        await stack.stop()


async def status_of(stack: Stack, path: str) -> int:
    return (await call(stack.application, "GET", path)).status


@pytest.mark.parametrize("missing", DIALECTS, ids=lambda dialect: dialect.name)
async def test_without_any_one_dialect_the_server_works(config: Config, missing: Dialect) -> None:
    rest = tuple(dialect for dialect in DIALECTS if dialect is not missing)

    async with started(config, dialects=rest) as stack:
        assert await status_of(stack, "/health/live") == 200
        assert await status_of(stack, "/health/ready") == 200
        assert await status_of(stack, "/no/such/place") == 404


async def test_a_server_without_any_door_does_not_start_and_leaves_the_database_free(
    config: Config,
) -> None:
    with pytest.raises(SettingsError, match="no door is open"):
        await Stack.open(config, dialects=())

    stack = await Stack.open(config)
    await stack.stop()


async def test_a_proxy_that_cant_be_stops_the_start_without_its_password(config: Config) -> None:
    proxied = config.model_copy(
        update={"outbound": Outbound(proxy_url=SecretStr("socks5://user:hush@proxy.test:1080"))}
    )

    with pytest.raises(SettingsError, match=r"^outbound\.proxy_url: a proxy is http:") as caught:
        await Stack.open(proxied)

    assert "hush" not in str(caught.value)
    assert "hush" not in repr(proxied)


@pytest.mark.parametrize("role", [Role.API, Role.WORKER])
async def test_split_roles_on_sqlite_are_refused_with_a_sentence(
    tmp_path: Path, role: Role
) -> None:
    config = Config(data=tmp_path / "data", role=role)

    with pytest.raises(RolesNeedPostgres, match=f"--role {role} needs PostgreSQL"):
        await Stack.open(config)

    assert not config.data.exists()


async def test_an_api_node_runs_no_engine(tmp_path: Path, postgres_url: str) -> None:
    config = Config(
        data=tmp_path / "data", role=Role.API, storage=Storage(database_url=postgres_url)
    )
    running = asyncio.all_tasks()

    async with started(config) as stack:
        assert asyncio.all_tasks() == running
        assert await status_of(stack, "/health/ready") == 200


async def test_what_start_up_made_is_left_out_of_collections(config: Config) -> None:
    gc.unfreeze()
    assert gc.get_freeze_count() == 0

    async with started(config):
        assert gc.get_freeze_count() > 10_000


async def test_a_stack_that_never_started_stops(config: Config) -> None:
    stack = await Stack.open(config)

    async with asyncio.timeout(PROMISE_S):
        await stack.stop()


async def test_a_server_may_be_told_to_stop_claiming_before_it_stops(config: Config) -> None:
    never_started = await Stack.open(config)
    never_started.stop_claiming()
    await never_started.stop()

    async with started(config) as stack:
        stack.stop_claiming()


async def test_a_stack_that_stopped_can_be_opened_again(config: Config) -> None:
    async with started(config) as stack:
        account = await stack.core.applications.account()

    async with started(config) as stack:
        assert await stack.core.applications.account() == account


def draft(stack: Stack) -> Draft:
    now = stack.core.clock.now()
    return Draft(new_id(now), Slot(device_id="phone"), ProviderName.FCM, "T", now, "test")


async def test_a_locked_sqlite_file_does_not_hold_up_the_stop(config: Config) -> None:
    stack = await Stack.open(config)
    stack.start()
    other = sqlite3.connect(config.data / FILE_NAME, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    waiting = [asyncio.create_task(stack.store.registry.register(draft(stack))) for _ in range(3)]
    async with asyncio.timeout(PROMISE_S):
        await stack.stop()
    other.close()

    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}


class Wire:
    """A wire to a database's socket that can be cut, or go silent."""

    def __init__(self, directory: Path, database: Path) -> None:
        self.path = directory / database.name
        self._database = database
        self._silent = False
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._connect, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Close every connection and take no more."""
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    def go_silent(self) -> None:
        """Take everything and pass nothing on."""
        self._silent = True

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_unix_connection(self._database)
        self._writers += [writer, ours]
        await asyncio.gather(self._pass(reader, ours), self._pass(theirs, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while block := await reader.read(65536):
                if not self._silent:
                    writer.write(block)
                    await writer.drain()
        except OSError:
            pass
        writer.transport.abort()


@pytest.fixture
def database_socket(postgres_url: str) -> Path:
    """Where the database listens."""
    folder = make_url(postgres_url).query["host"]
    assert isinstance(folder, str)
    (socket,) = [each for each in Path(folder).glob(".s.PGSQL.*") if each.suffix != ".lock"]
    return socket


@pytest.mark.parametrize("trouble", ["cut", "go_silent"])
async def test_a_database_that_is_gone_does_not_hold_up_the_stop(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_url: str,
    database_socket: Path,
    trouble: str,
) -> None:
    directory = tmp_path_factory.mktemp("w")
    async with Wire(directory, database_socket) as wire:
        through = make_url(postgres_url).update_query_dict({"host": str(directory)})
        config = Config(
            data=directory / "data",
            storage=Storage(database_url=through.render_as_string(hide_password=False)),
            delivery=Delivery(poll_s=0.05, sweep_s=0.05),
        )
        stack = await Stack.open(config)
        stack.start()
        assert await status_of(stack, "/health/ready") == 200

        getattr(wire, trouble)()
        waiting = asyncio.create_task(stack.store.registry.register(draft(stack)))
        async with asyncio.timeout(PROMISE_S):
            await stack.stop()

        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_what_is_scheduled_is_started_by_the_server(config: Config, clock: FakeClock) -> None:
    stack = await Stack.open(config, clock=clock)
    account = await stack.core.applications.account()
    application = await stack.core.applications.create(account.id, "demo")
    caller = ClientPrincipal(
        ApiClient(new_id(clock.now()), account.id, "back end", ALL_SCOPES, clock.now())
    )
    scheduled = await stack.core.notifications.accept(
        caller,
        application,
        Everyone(),
        Content(body="hi"),
        Options(send_at=clock.now() + timedelta(minutes=1)),
    )
    clock.advance(61)

    async def is_complete() -> bool:
        report = await stack.core.notifications.report(caller, application, scheduled.id)
        return report.notification.state is NotificationState.COMPLETED

    stack.start()
    try:
        await until(is_complete)
    finally:
        await stack.stop()

    assert scheduled.state is NotificationState.SCHEDULED

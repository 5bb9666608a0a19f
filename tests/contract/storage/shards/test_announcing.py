"""Other nodes hear of work at once, and again after their connection broke."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest
from structlog.testing import capture_logs
from tests.contract.storage.sending import accept
from tests.contract.storage.world import new_world

from heliograph.config import Storage
from heliograph.storage.shards.announcing import Listener
from heliograph.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.conftest import FakeClock
    from tests.contract.storage.world import World

pytestmark = pytest.mark.anyio

PATIENCE_S = 20


class Ear:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.heard = 0
        self._news = asyncio.Event()

    def __call__(self) -> None:
        self.heard += 1
        self._news.set()

    async def hears(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.heard < count:
                self._news.clear()
                await self._news.wait()


@pytest.fixture
async def node(empty_postgres_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    store = await open_store(Storage(database_url=empty_postgres_url), tmp_path)
    yield await new_world(store, clock)
    await store.close()


@pytest.fixture
async def ear(empty_postgres_url: str) -> AsyncIterator[Ear]:
    ear = Ear()
    task = asyncio.create_task(Listener(empty_postgres_url, ear, first_pause_s=0.01).run())
    yield ear
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_notification_is_heard_of_on_every_node(node: World, ear: Ear) -> None:
    await ear.hears(1)  # it looks once as it begins to listen

    await accept(node)

    await ear.hears(2)


async def test_a_connection_that_breaks_is_opened_again(
    node: World, ear: Ear, empty_postgres_url: str
) -> None:
    await ear.hears(1)
    admin = await asyncpg.connect(empty_postgres_url)

    with capture_logs() as logs:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        )
        await ear.hears(2)
    await admin.close()
    await accept(node)

    await ear.hears(3)
    assert logs[0]["event"] == "listener_disconnected"


async def test_a_database_that_is_away_is_asked_again() -> None:
    ear = Ear()
    listener = Listener("postgresql://nobody@127.0.0.1:1/none", ear, first_pause_s=0.01)

    with capture_logs() as logs:
        task = asyncio.create_task(listener.run())
        async with asyncio.timeout(PATIENCE_S):
            while len(logs) < 2:  # noqa: ASYNC110 - a log line sets no event
                await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert {line["event"] for line in logs} == {"listener_disconnected"}
    assert ear.heard == 0

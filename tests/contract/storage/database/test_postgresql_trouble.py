"""PostgreSQL drops connections, or is not there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest
from tests.contract.storage.world import World, new_world

from heliograph.config import Storage
from heliograph.core.errors import Unavailable
from heliograph.core.model.registration import Registration
from heliograph.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.conftest import FakeClock

    from heliograph.storage.store import SqlStore

pytestmark = pytest.mark.anyio

KILL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
async def world(two_stores: list[SqlStore], clock: FakeClock) -> World:
    return await new_world(two_stores[0], clock)


@pytest.fixture
async def operator(empty_postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(empty_postgres_url)
    yield connection
    await connection.close()


async def test_idle_connections_that_were_cut_are_replaced(
    world: World, operator: asyncpg.Connection
) -> None:
    await asyncio.gather(*(world.living() for _ in range(5)))
    await operator.execute(KILL)

    answers = [
        (await asyncio.gather(world.register("T", device="phone"), return_exceptions=True))[0]
        for _ in range(3)
    ]

    assert all(isinstance(answer, Registration | Unavailable) for answer in answers)
    assert isinstance(answers[-1], Registration)
    assert await world.store.is_ready()


async def test_a_read_by_a_connection_that_was_cut_is_read_again(
    world: World, operator: asyncpg.Connection
) -> None:
    registered = await world.register("T", device="phone")
    await asyncio.gather(*(world.living() for _ in range(5)))
    await operator.execute(KILL)

    living = await world.living()

    assert set(living) == {registered.id}


async def test_cutting_connections_in_mid_write_loses_no_acknowledged_registration(
    world: World, operator: asyncpg.Connection
) -> None:
    async def register(number: int) -> Registration | None:
        try:
            return await world.register(f"t{number}", device=f"d{number}")
        except Unavailable:
            return None

    acknowledged = []
    for turn in range(10):
        waiting = [asyncio.create_task(register(turn * 30 + n)) for n in range(30)]
        for _ in range(turn * 3):
            await asyncio.sleep(0)
        await operator.execute(KILL)
        acknowledged += [answer for answer in await asyncio.gather(*waiting) if answer]

    living = await world.living()
    assert {answer.id for answer in acknowledged} <= set(living)
    assert await register(9999) is not None
    await world.check()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody@127.0.0.1:1/nothing",
        "postgresql://nobody@/nothing?host=/nowhere/at/all",
    ],
    ids=["wrong port", "no socket"],
)
async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path, url: str) -> None:
    with pytest.raises(Unavailable):
        await open_store(Storage(database_url=url, timeout_s=1), tmp_path)


async def test_a_database_that_does_not_exist_is_unavailable(
    empty_postgres_url: str, tmp_path: Path
) -> None:
    url = empty_postgres_url.replace("/c", "/missing", 1)
    assert url != empty_postgres_url

    with pytest.raises(Unavailable):
        await open_store(Storage(database_url=url), tmp_path)


async def test_a_locked_table_is_unavailable_within_the_timeout(
    world: World, operator: asyncpg.Connection, empty_postgres_url: str, tmp_path: Path
) -> None:
    impatient = await open_store(Storage(database_url=empty_postgres_url, timeout_s=0.5), tmp_path)
    world.store = impatient
    async with operator.transaction():
        await operator.execute("LOCK TABLE registrations IN ACCESS EXCLUSIVE MODE")

        with pytest.raises(Unavailable):
            await world.register("T", device="phone")

    await world.register("T", device="phone")
    assert len(await world.living()) == 1
    await impatient.close()


async def test_more_readers_than_connections_wait_their_turn(world: World) -> None:
    answers = await asyncio.gather(*(world.living() for _ in range(40)))

    assert answers == [{}] * 40

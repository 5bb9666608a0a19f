"""SQLite's file is locked, moved, replaced, or another server's."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import pytest
from tests.contract.storage.world import World, new_world

from heliograph.config import Storage
from heliograph.core.errors import Unavailable
from heliograph.storage.database.database import DatabaseInUse
from heliograph.storage.database.sqlite import FILE_NAME
from heliograph.storage.store import SqlStore, open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.conftest import FakeClock

pytestmark = pytest.mark.anyio

# One reader: each connection notices for itself, and nobody chooses which is asked.
IMPATIENT = Storage(timeout_s=0.2, readers=1)


@pytest.fixture
async def store(folder: Path) -> AsyncIterator[SqlStore]:
    store = await open_store(IMPATIENT, folder)
    yield store
    await store.close()


@pytest.fixture
async def world(store: SqlStore, clock: FakeClock) -> World:
    return await new_world(store, clock)


@pytest.fixture
def intruder(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection of another program."""
    connection = sqlite3.connect(folder / FILE_NAME, isolation_level=None)
    yield connection
    connection.close()


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
async def test_a_locked_file_is_unavailable_until_it_is_released(
    world: World, intruder: sqlite3.Connection, lock: str
) -> None:
    intruder.execute(f"BEGIN {lock}")

    answers = await asyncio.gather(
        *(world.register(f"t{n}", device=f"d{n}") for n in range(5)),
        world.sign_in("ann"),
        return_exceptions=True,
    )

    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert not await world.store.is_ready()
    assert await world.living() == {}
    intruder.execute("ROLLBACK")
    assert await world.store.is_ready()
    await world.register("T", device="phone")
    assert len(await world.living()) == 1


async def test_a_locked_file_is_unavailable_to_open(folder: Path) -> None:
    intruder = sqlite3.connect(folder / FILE_NAME, isolation_level=None)
    intruder.execute("BEGIN EXCLUSIVE")

    with pytest.raises(Unavailable):
        await open_store(IMPATIENT, folder)

    intruder.close()
    await (await open_store(IMPATIENT, folder)).close()


async def test_a_file_that_is_moved_away_and_back_has_lost_nothing(
    world: World, folder: Path
) -> None:
    kept = await world.register("T", device="phone")
    file = folder / FILE_NAME
    file.rename(folder / "away")

    for _ in range(4):
        with pytest.raises(Unavailable):
            await world.register("X", device="other")
    assert not await world.store.is_ready()
    assert not file.exists()

    (folder / "away").rename(file)
    await recovered(world)
    assert await world.get(kept) == kept
    later = await world.register("Y", device="later")
    assert set(await world.living()) == {kept.id, later.id}
    await world.check()


async def test_reads_and_writes_see_the_file_that_was_put_in_place(
    world: World, folder: Path, migrated_sqlite: Path
) -> None:
    await world.register("T", device="phone")
    assert len(await world.living()) == 1
    for name in (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"):
        (folder / name).rename(folder / f"old-{name}")
    (folder / FILE_NAME).write_bytes((migrated_sqlite / FILE_NAME).read_bytes())

    await recovered(world)

    assert await world.living() == {}
    registration = await world.register("U", device="phone")
    assert set(await world.living()) == {registration.id}


async def recovered(world: World) -> None:
    """Ask until reads and writes work: each connection notices for itself."""
    for _ in range(10):
        if await world.store.is_ready():
            break
    assert await world.store.is_ready()


async def test_a_path_that_is_no_folder_can_not_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises((OSError, Unavailable)):
        await open_store(IMPATIENT, tmp_path / "file")


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"something else entirely" * 100)

    with pytest.raises(Unavailable):
        await open_store(IMPATIENT, tmp_path)


@pytest.mark.usefixtures("store")
async def test_a_second_server_on_the_same_folder_is_told_so(folder: Path) -> None:
    with pytest.raises(DatabaseInUse) as refused:
        await open_store(IMPATIENT, folder)

    assert str(folder) in str(refused.value)
    assert "another Heliograph server" in str(refused.value)


async def test_a_short_command_writes_beside_a_running_server(world: World, folder: Path) -> None:
    command = await open_store(IMPATIENT, folder, exclusive=False)

    await command.identity.ensure_member(
        world.account.id, world.application.id, "ann", now=world.now
    )
    await command.close()

    registration = await world.register("T", device="phone", user="ann")
    assert len(await world.store.identity.users(None, after=None, limit=9)) == 1
    assert registration.external_user_id == "ann"


async def test_the_next_server_finds_what_the_last_one_wrote(
    folder: Path, clock: FakeClock
) -> None:
    first = await open_store(IMPATIENT, folder)
    world = await new_world(first, clock)
    registration = await world.register("T", device="phone")
    await first.close()

    world.store = await open_store(IMPATIENT, folder)

    assert await world.get(registration) == registration
    await world.store.close()


async def test_a_closed_store_answers_unavailable(folder: Path, clock: FakeClock) -> None:
    store = await open_store(IMPATIENT, folder)
    world = await new_world(store, clock)
    await store.close()

    async with asyncio.timeout(5):
        with pytest.raises(Unavailable):
            await world.register("T", device="phone")
        with pytest.raises(Unavailable):
            await world.living()
        await store.close()

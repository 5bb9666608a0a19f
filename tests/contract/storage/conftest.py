"""The store on each engine in turn, migrated once and emptied before every test."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from typing import TYPE_CHECKING

import asyncpg
import pytest
from sqlalchemy import make_url
from tests.contract.storage.world import World, new_world

from heliograph.config import Storage
from heliograph.storage.database.sqlite import FILE_NAME
from heliograph.storage.store import SqlStore, open_store
from heliograph.storage.tables.tables import metadata
from heliograph.storage.tables.tallies import registration_tallies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.conftest import FakeClock


@pytest.fixture(scope="session")
def migrated_postgres_url(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of the newest revision, for one test after the other."""
    name = f"c{uuid.uuid4().hex}"
    url = make_url(postgres_server).set(database=name).render_as_string(hide_password=False)

    async def migrate() -> None:
        admin = await asyncpg.connect(postgres_server)
        await admin.execute(f"CREATE DATABASE {name}")
        await admin.close()
        await (await open_store(Storage(database_url=url), tmp_path_factory.getbasetemp())).close()

    asyncio.run(migrate())
    return url


@pytest.fixture
def empty_postgres_url(migrated_postgres_url: str) -> str:
    """The same database without a row in it."""

    async def empty() -> None:
        connection = await asyncpg.connect(migrated_postgres_url)
        # Tallies at last: they are counted down while what they count goes.
        for table in (*metadata.sorted_tables, registration_tallies):
            await connection.execute(f"DELETE FROM {table.name}")
        await connection.close()

    asyncio.run(empty())
    return migrated_postgres_url


@pytest.fixture
def folder(migrated_sqlite: Path, tmp_path: Path) -> Path:
    """A data directory that SQLite's file is in already."""
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(migrated_sqlite / FILE_NAME, folder / FILE_NAME)
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest) -> Storage:
    """Storage settings for each engine in turn."""
    if request.param == "sqlite":
        return Storage()
    return Storage(database_url=request.getfixturevalue("empty_postgres_url"))


@pytest.fixture
async def store(storage: Storage, folder: Path) -> AsyncIterator[SqlStore]:
    """An open store on each engine in turn."""
    store = await open_store(storage, folder)
    yield store
    await store.close()


@pytest.fixture
async def world(store: SqlStore, clock: FakeClock) -> World:
    """An account with one application in that store."""
    return await new_world(store, clock)


@pytest.fixture
async def two_stores(empty_postgres_url: str, tmp_path: Path) -> AsyncIterator[list[SqlStore]]:
    """Two nodes on one PostgreSQL database."""
    settings = Storage(database_url=empty_postgres_url)
    stores = [await open_store(settings, tmp_path) for _ in range(2)]
    yield stores
    for store in stores:
        await store.close()

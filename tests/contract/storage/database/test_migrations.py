"""Tables made by the revisions are the tables that the code speaks of, on both engines."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from tests.contract.storage.world import World, new_world

from heliograph.config import Storage
from heliograph.core.model.listing import ANYTHING
from heliograph.core.model.registration import ProviderName
from heliograph.storage.database.migrate import MIGRATIONS, head, upgrade
from heliograph.storage.database.postgresql import PostgresDatabase
from heliograph.storage.database.sqlite import SqliteDatabase
from heliograph.storage.store import SqlStore, open_store
from heliograph.storage.tables.tables import metadata

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection
    from tests.conftest import FakeClock

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", "postgresql"])
def new_storage(request: pytest.FixtureRequest) -> Storage:
    """A database of each engine in which nothing was made yet."""
    if request.param == "sqlite":
        return Storage()
    return Storage(database_url=request.getfixturevalue("postgres_url"))


def differences(connection: Connection) -> list[Any]:
    return compare_metadata(MigrationContext.configure(connection), metadata)


async def test_an_empty_database_becomes_what_the_code_speaks_of(
    new_storage: Storage, tmp_path: Path
) -> None:
    store = await open_store(new_storage, tmp_path)

    assert await store._database.read(differences) == []

    await store.close()


async def test_upgrading_again_changes_and_loses_nothing(
    new_storage: Storage, tmp_path: Path, clock: FakeClock
) -> None:
    store = await open_store(new_storage, tmp_path)
    world = await new_world(store, clock)
    registration = await world.register("T", device="phone", user="ann")

    await store._database.write(upgrade)
    await store.close()
    world.store = await open_store(new_storage, tmp_path)

    assert await world.store._database.read(differences) == []
    assert await world.get(registration) == registration
    await world.store.close()


async def test_what_was_registered_before_there_were_tallies_is_counted(
    new_storage: Storage, tmp_path: Path, clock: FakeClock
) -> None:
    database: PostgresDatabase | SqliteDatabase
    if new_storage.database_url is None:
        database = SqliteDatabase(tmp_path)
    else:
        database = PostgresDatabase(new_storage.database_url.get_secret_value())
    await database.write(lambda connection: upgrade(connection, "0006"))
    old = await new_world(SqlStore(database, batch_size=16), clock)
    await old.register_many(20)
    await old.register("w", device="w", provider=ProviderName.WNS)
    await old.store.close()

    world = World(await open_store(new_storage, tmp_path), clock, old.account, old.application)

    app = world.application.id
    assert await world.tallies() == {(app, "fcm"): 20, (app, "wns"): 1}
    await world.register("another", device="another")
    assert await world.store.registry.count(app, ANYTHING) == 22
    await world.check()
    await world.store.close()


async def test_nodes_that_start_together_make_the_postgresql_tables_once(
    postgres_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    settings = Storage(database_url=postgres_url)

    stores = await asyncio.gather(*(open_store(settings, tmp_path) for _ in range(3)))

    assert await stores[0]._database.read(differences) == []
    world = await new_world(stores[1], clock)
    await world.register("T", device="phone")
    world.store = stores[2]
    assert len(await world.living()) == 1
    for store in stores:
        await store.close()


def test_the_newest_revision_is_told_by_the_files_names() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    assert head() == ScriptDirectory.from_config(config).get_current_head()

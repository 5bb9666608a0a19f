"""The end of an application, on both engines: nothing of it is left, and nothing else is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select
from tests.contract.storage.sending import notify
from tests.contract.storage.world import new_application

from heliograph.core.model.application import Defaults
from heliograph.core.model.audience import Devices
from heliograph.core.model.registration import Environment
from heliograph.storage.tables.tables import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from tests.contract.storage.world import World

pytestmark = pytest.mark.anyio


async def furnish(world: World) -> None:
    for number in range(3):
        row = await world.register(f"t{number}", device=f"d{number}", user="ann")
        await world.store.tags.subscribe(world.application.id, row.id, "news", now=world.now)
    await world.store.aliases.add_alias("k", world.account.id, "v", world.application.id)
    await world.store.aliases.add_alias("m", world.application.id, "v", row.id)
    await notify(world, Devices(("d0", "d1")))
    await notify(world)


async def counted(world: World) -> dict[str, int]:
    """How many rows each table has, of those that have any."""

    def work(connection: Connection) -> dict[str, int]:
        counts = {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in metadata.tables.items()
        }
        return {name: count for name, count in counts.items() if count}

    return await world.store._database.read(work)


async def test_of_an_application_that_is_deleted_nothing_is_left(world: World) -> None:
    neighbour = await new_application(world)
    await furnish(neighbour)
    before = await counted(world)
    await furnish(world)

    rounds = 0
    while await world.store.applications.forget_some(world.application.id, limit=2):
        rounds += 1
    await world.store.applications.remove(world.application.id)

    after = await counted(world)
    assert rounds > 3
    # Users are the account's, and the application itself was there before.
    assert after.pop("applications") == before.pop("applications") - 1
    assert after.pop("users") >= before.pop("users")
    assert after == before


async def test_it_may_go_at_once(world: World) -> None:
    await furnish(world)

    await world.store.applications.remove(world.application.id)

    assert await world.store.identity.application(world.application.id) is None
    assert not {"registrations", "recipients", "shards", "tags"} & set(await counted(world))


async def test_what_an_application_assumes_is_changed(world: World) -> None:
    defaults = Defaults("com.example.app", Environment.SANDBOX)

    await world.store.applications.change_defaults(world.application.id, defaults)

    changed = await world.store.identity.application(world.application.id)
    assert changed is not None
    assert changed.defaults == defaults

"""Lists by age are read along an index: on SQLite, a page never walks or sorts a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.contract.storage.database.test_plans import plan_of, touching
from tests.contract.storage.world import World, new_world

from heliograph.config import Storage
from heliograph.core.model.listing import (
    ANYTHING,
    Condition,
    RegistrationField,
    RegistrationFilter,
    Window,
)
from heliograph.storage.registry.by_age import count
from heliograph.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.conftest import FakeClock

pytestmark = pytest.mark.anyio

FIELD = RegistrationField
FIRST = Window(0, 500)
LATER = Window(500, 500, after=b"\x01" * 16)
EARLIER = Window(500, 500, before=b"\xff" * 16)
WINDOWS = pytest.mark.parametrize("window", [FIRST, LATER, EARLIER], ids=["0", "after", "before"])


@pytest.fixture
async def world(folder: Path, clock: FakeClock) -> AsyncIterator[World]:
    store = await open_store(Storage(), folder)
    world = await new_world(store, clock)
    for number in range(5):
        await world.register(f"t{number}", device=f"d{number}", user="ann", labels=("news",))
    yield world
    await store.close()


async def plan(world: World, wanted: RegistrationFilter, window: Window) -> list[str]:
    registry, app = world.store.registry, world.application.id
    return await plan_of(world.store, lambda: registry.page(app, wanted, window))


@WINDOWS
@pytest.mark.parametrize(
    "wanted",
    [ANYTHING, RegistrationFilter(conditions=(Condition(FIELD.PROVIDER, ("apns", "fcm")),))],
    ids=["all", "providers"],
)
async def test_providers_are_walked_along_their_index(
    world: World, wanted: RegistrationFilter, window: Window
) -> None:
    steps = await plan(world, wanted, window)

    *walks, rows = touching(steps)
    assert walks
    assert all("COVERING INDEX ix_registrations_provider" in line for line in walks)
    assert "PRIMARY KEY (application_id=? AND bucket=? AND id=?)" in rows
    # The page's own rows are sorted; the walk is not.
    assert sum("TEMP B-TREE" in step for step in steps) <= 1


async def test_to_count_all_or_some_providers_no_registration_is_read(world: World) -> None:
    registry, app = world.store.registry, world.application.id

    for conditions in ((), (Condition(FIELD.PROVIDER, ("apns", "fcm")),)):
        wanted = RegistrationFilter(conditions=conditions)
        steps = await plan_of(world.store, lambda wanted=wanted: registry.count(app, wanted))  # type: ignore[misc]
        assert touching(steps) == []


async def test_what_is_owned_is_all_but_what_nobody_owns(world: World) -> None:
    app = world.application.id
    is_someones = Condition(FIELD.USER_ID, ("a",), is_exact=False)
    wanted = RegistrationFilter(conditions=(is_someones,))

    async def number() -> int:
        return await world.store._database.read(
            lambda connection: count(connection, app, wanted, most=1)
        )

    lines = touching(await plan_of(world.store, number))

    assert await number() == 5
    assert any("COVERING INDEX ix_registrations_nobodys" in line for line in lines)


@WINDOWS
async def test_what_nobody_owns_is_walked_along_its_index(world: World, window: Window) -> None:
    nobodys = RegistrationFilter(conditions=(Condition(FIELD.USER_ID, (None,)),))

    lines = touching(await plan(world, nobodys, window))

    assert "COVERING INDEX ix_registrations_nobodys" in lines[0]


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        (Condition(FIELD.DEVICE_ID, ("d1",)), "ix_registrations_device"),
        (Condition(FIELD.USER_ID, ("ann",)), "ix_registrations_member"),
        (Condition(FIELD.DEVICE_ID, ("d",), is_exact=False), "COVERING INDEX ix_registrations_dev"),
        (Condition(FIELD.USER_ID, ("a",), is_exact=False), "ix_registrations_member"),
    ],
)
@pytest.mark.parametrize("others", [(), (Condition(FIELD.PROVIDER, ("fcm",)),)])
async def test_what_is_named_is_found_by_its_index(
    world: World, condition: Condition, index: str, others: tuple[Condition, ...]
) -> None:
    lines = touching(await plan(world, RegistrationFilter(conditions=(condition, *others)), FIRST))

    assert index in lines[0]
    assert not any(line.endswith("(application_id=?)") for line in lines[1:])


async def test_a_token_is_found_by_its_holders(world: World) -> None:
    wanted = RegistrationFilter(conditions=(Condition(FIELD.TOKEN, ("t1",)),))

    lines = touching(await plan(world, wanted, FIRST))

    assert lines
    assert all("bucket=? AND id=?" in line for line in lines)


@pytest.mark.parametrize("conditions", [(), (Condition(FIELD.PROVIDER, ("fcm",)),)])
async def test_subscriptions_are_walked_along_their_registrations(
    world: World, conditions: tuple[Condition, ...]
) -> None:
    tags, app = world.store.tags, world.application.id
    window = Window(500, 500, after=b"\x01" * 32)

    steps = await plan_of(world.store, lambda: tags.subscriptions(app, conditions, window))

    walk = next(line for line in steps if " subscriptions " in line)
    assert "ix_subscriptions_registration" in walk

"""Conditions of lists, and counts by tag, on both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from heliograph.core.ids import new_id
from heliograph.core.model.identity import ALL_SCOPES, ApiClient
from heliograph.core.model.listing import (
    Condition,
    RegistrationField,
    RegistrationFilter,
    Window,
)
from heliograph.core.model.registration import ProviderName
from heliograph.core.model.tag import Tag

if TYPE_CHECKING:
    from tests.contract.storage.world import World

pytestmark = pytest.mark.anyio


async def devices(world: World, *conditions: Condition) -> list[str | None]:
    found = await world.store.registry.page(
        world.application.id, RegistrationFilter(conditions=conditions), Window(0, 10)
    )
    assert found.total == len(found.items)
    return [row.device_id for row in found.items]


async def labels(world: World, *conditions: Condition) -> list[str]:
    found = await world.store.tags.tags(world.application.id, conditions, Window(0, 10))
    assert found.total == len(found.items)
    return [row.label for row in found.items]


async def test_a_condition_has_alternatives(world: World) -> None:
    await world.register("t1", device="a", user="ann")
    await world.register("t2", device="b")
    world.clock.advance(1)
    await world.register("t3", device="c", provider=ProviderName.APNS)
    is_anns = Condition(RegistrationField.USER_ID, ("ann",))
    is_apple = Condition(RegistrationField.PROVIDER, ("apns",))
    is_b = Condition(RegistrationField.DEVICE_ID, ("b",))

    found = await devices(world, is_anns._replace(alternatives=(is_apple,)))

    assert found == ["a", "c"]
    assert await devices(world, is_anns._replace(alternatives=(is_apple,)), is_b) == []


async def test_a_condition_excludes(world: World) -> None:
    await world.register("t1", device="a", labels=("news", "Push.ALL"))

    is_not = Condition(RegistrationField.LABEL, ("Push.ALL",), is_excluding=True)

    assert await labels(world, is_not) == ["news"]


async def test_a_tag_is_found_by_its_description(world: World) -> None:
    for label, description in (("a", "all of it"), ("b", None)):
        tag = Tag(new_id(world.now), world.application.id, label, description, world.now, world.now)
        await world.store.tags.add_tag(tag)
        world.clock.advance(1)
    field = RegistrationField.DESCRIPTION

    assert await labels(world, Condition(field, ("of",), is_exact=False)) == ["a"]
    assert await labels(world, Condition(field, ("",))) == ["b"]
    assert await labels(world, Condition(field, ("all of it",), is_excluding=True)) == ["b"]


async def test_subscribers_are_counted_by_provider(world: World) -> None:
    await world.register("t1", device="a", labels=("news",))
    await world.register("t2", device="b", labels=("news", "sports"))
    await world.register("t3", device="c", labels=("news",), provider=ProviderName.APNS)
    found = await world.store.tags.tags(world.application.id, (), Window(0, 10))
    ids = {tag.label: tag.id for tag in found.items}

    counts = await world.store.tags.subscribers(world.application.id, list(ids.values()))

    assert counts == {
        ids["news"]: {ProviderName.FCM: 2, ProviderName.APNS: 1},
        ids["sports"]: {ProviderName.FCM: 1},
    }
    assert await world.store.tags.subscribers(world.application.id, []) == {}
    assert await world.store.tags.subscribers(new_id(world.now), list(ids.values())) == {}


async def test_an_api_client_is_found_by_its_id(world: World) -> None:
    client = ApiClient(new_id(world.now), world.account.id, "back end", ALL_SCOPES, world.now)
    await world.store.identity.add_client(client, b"h" * 32)

    assert await world.store.identity.client(client.id) == client
    assert await world.store.identity.client(new_id(world.now)) is None

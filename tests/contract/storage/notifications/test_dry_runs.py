"""Whom an audience reaches, counted and sampled; and that it is whom the engine reads."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.contract.storage.sending import notify, read_all

from heliograph.core.ids import new_id
from heliograph.core.model.audience import (
    Address,
    Addresses,
    Everyone,
    Reached,
    Registrations,
    Tags,
    Users,
)
from heliograph.core.model.registration import (
    Changes,
    ProviderName,
    RegistrationState,
    TokenKind,
)
from heliograph.storage.notifications.audiences import SqlAudiences

if TYPE_CHECKING:
    from tests.contract.storage.world import World

    from heliograph.core.model.audience import Audience, Reach
    from heliograph.core.model.delivery import Target

pytestmark = pytest.mark.anyio

FCM, APNS = ProviderName.FCM, ProviderName.APNS
ALERT, VOIP = TokenKind.ALERT, TokenKind.VOIP


async def reach(world: World, audience: Audience) -> Reach:
    return await world.store.audiences.reach(world.application.id, audience, now=world.now)


async def sample(world: World, audience: Audience, per_provider: int = 3) -> list[Target]:
    found = await world.store.audiences.sample(
        world.application.id, audience, ALERT, per_provider=per_provider, now=world.now
    )
    return list(found)


async def fill(world: World) -> None:
    """Two users' phones, a tag, a shared token, and some that nothing is sent to."""
    for number in range(4):
        await world.register(f"f{number}", device=f"f{number}", user="ann")
    tagged = await world.register("a0", device="a0", user="bob", provider=APNS)
    await world.store.tags.subscribe(world.application.id, tagged.id, "news", now=world.now)
    await world.register("v0", device="v0", user="bob", provider=APNS, kind=VOIP)
    for name in ("cid", "dan"):
        await world.store.registry.register(world.shared("ours", name))
    disabled = await world.register("d0", device="d0", user="ann")
    await world.store.registry.change(
        world.application.id, disabled.id, Changes(state=RegistrationState.DISABLED), now=world.now
    )
    await world.register("s0", device="s0", silent_after=world.now - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("audience", "items"),
    [
        (Everyone(), (Reached(APNS, ALERT, 1), Reached(APNS, VOIP, 1), Reached(FCM, ALERT, 5))),
        (Users(("ann", "nobody")), (Reached(FCM, ALERT, 4),)),
        (Users(("cid", "dan")), (Reached(FCM, ALERT, 1),)),
        (Tags(("news", "none")), (Reached(APNS, ALERT, 1),)),
        (Tags(("none",)), ()),
        (
            Addresses((Address(FCM, "x"), Address(FCM, "y"), Address(APNS, "x"))),
            (Reached(APNS, None, 1), Reached(FCM, None, 2)),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_an_audience_is_counted_by_provider_and_kind(
    world: World, audience: Audience, items: tuple[Reached, ...]
) -> None:
    await fill(world)

    found = await reach(world, audience)

    assert found.items == items
    assert found.is_exact


async def test_listed_registrations_are_counted_where_they_are(world: World) -> None:
    made = await world.register_many(3)
    ids = (*(each.id for each in made), new_id(world.now))

    assert (await reach(world, Registrations(ids))).items == (Reached(FCM, ALERT, 3),)


@pytest.mark.parametrize(
    "audience", [Everyone(), Users(("ann", "bob", "cid", "dan")), Tags(("news",))], ids=repr
)
async def test_the_count_is_what_the_engine_reads(world: World, audience: Audience) -> None:
    await fill(world)
    counted = sum(item.count for item in (await reach(world, audience)).items if item.kind is ALERT)

    targets = await read_all(world, await notify(world, audience))

    assert len(targets) == counted


async def test_a_large_registry_is_counted_in_part_and_says_so(world: World) -> None:
    await world.register_many(600)
    bounded = SqlAudiences(world.store._database, most_counted=64)

    found = await bounded.reach(world.application.id, Everyone(), now=world.now)
    users = await bounded.reach(world.application.id, Users(("ann",)), now=world.now)

    [item] = found.items
    assert not found.is_exact
    assert 0 < item.count < 600
    assert 300 < item.count / found.counted < 1200
    assert users.is_exact


async def test_samples_are_some_of_each_provider(world: World) -> None:
    await fill(world)

    found = await sample(world, Everyone(), per_provider=2)

    assert [each.provider for each in found] == [APNS, FCM, FCM]
    assert all(each.is_registered and each.recipient == 0 for each in found)


async def test_samples_of_a_list_have_their_places(world: World) -> None:
    made = await world.register_many(3)
    audience = Registrations((new_id(world.now), *(each.id for each in made)))

    found = await sample(world, audience)

    assert {each.id: each.recipient for each in found} == {
        each.id: place for place, each in enumerate(made, start=2)
    }


async def test_addresses_are_no_registrations(world: World) -> None:
    await world.register("x", device="x")

    assert await sample(world, Addresses((Address(FCM, "x"),))) == []

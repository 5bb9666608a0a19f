"""Who holds a token, on both engines."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.contract.storage.world import new_application

from heliograph.core.model.registration import Changes, Claim, ProviderName, RegistrationState
from heliograph.storage.tables.tables import departed_registrations

if TYPE_CHECKING:
    from tests.contract.storage.world import World

pytestmark = pytest.mark.anyio


async def test_an_exclusive_claim_removes_an_exclusive_holder(world: World) -> None:
    first = await world.register("T", device="one")

    second = await world.register("T", device="two")

    assert set(await world.living()) == {second.id}
    assert await world.holders_of("T") == {second.id}
    [departed] = await world.rows(departed_registrations)
    assert (departed.id, departed.reason) == (first.id, "displaced")
    await world.check()


async def test_an_exclusive_claim_removes_every_shared_holder(world: World) -> None:
    await world.store.registry.register(world.shared("T", "ann"))
    await world.store.registry.register(world.shared("T", "bob"))

    third = await world.register("T", device="one")

    assert set(await world.living()) == {third.id}
    assert not third.shared
    await world.check()


async def test_a_shared_claim_removes_an_exclusive_holder(world: World) -> None:
    await world.register("T", device="one")

    shared = await world.store.registry.register(world.shared("T", "ann"))

    assert set(await world.living()) == {shared.id}
    await world.check()


async def test_shared_claims_stand_side_by_side(world: World) -> None:
    first = await world.store.registry.register(world.shared("T", "ann"))
    second = await world.store.registry.register(world.shared("T", "bob"))

    stored = await world.get(first)

    assert await world.holders_of("T") == {first.id, second.id}
    assert second.shared
    assert stored is not None
    assert stored.shared
    await world.check()


async def test_the_same_token_of_another_provider_is_another_token(world: World) -> None:
    await world.register("T", device="one")

    await world.register("T", device="two", provider=ProviderName.APNS)

    assert len(await world.living()) == 2
    await world.check()


async def test_the_same_token_in_another_application_is_left_alone(world: World) -> None:
    other = await new_application(world)
    await world.register("T", device="one")

    await asyncio.gather(other.register("T", device="two"), world.register("T", device="three"))

    assert len(await world.living()) == 2
    await world.check()


async def test_a_token_moves_between_users(world: World) -> None:
    ann = await world.register("T", device="phone", user="ann", by_user=True)

    bob = await world.register("T", device="phone", user="bob", by_user=True)

    assert ann.id != bob.id
    assert set(await world.living()) == {bob.id}
    assert bob.external_user_id == "bob"
    await world.check()


async def test_a_slot_takes_another_claim_with_its_token(world: World) -> None:
    own = {"user": "ann", "by_user": True, "by_token": True}
    shared = await world.register("T", claim=Claim.SHARED, **own)
    await world.store.registry.register(world.shared("T", "bob"))

    exclusive = await world.register("T", claim=Claim.EXCLUSIVE, **own)

    assert exclusive.id == shared.id
    assert await world.holders_of("T") == {shared.id}
    assert not exclusive.shared
    await world.check()


async def test_two_slots_swap_their_tokens_in_one_batch(world: World) -> None:
    await asyncio.gather(world.register("A", device="one"), world.register("B", device="two"))

    answers = await asyncio.gather(
        world.register("B", device="one"), world.register("A", device="two")
    )

    living = await world.living()
    assert {(row.device_id, row.token) for row in living.values()} == {("one", "B"), ("two", "A")}
    assert set(living) == {answer.id for answer in answers}
    await world.check()


async def test_a_changed_token_removes_its_former_holder(world: World) -> None:
    one = await world.register("A", device="one")
    await world.register("B", device="two")
    world.clock.advance(5)

    changed = await world.store.registry.change(
        world.application.id, one.id, Changes(token="B"), now=world.now
    )

    assert changed is not None
    assert (changed.id, changed.token, changed.refreshed) == (one.id, "B", world.now)
    assert await world.holders_of("A") == set()
    assert await world.holders_of("B") == {one.id}
    assert set(await world.living()) == {one.id}
    await world.check()


@pytest.mark.parametrize(
    "changes",
    [Changes(attributes={"locale": "de"}), Changes(state=RegistrationState.DISABLED)],
    ids=["attributes", "state"],
)
async def test_a_changed_holder_of_a_shared_token_stays_shared(
    world: World, changes: Changes
) -> None:
    await world.store.registry.register(world.shared("T", "ann"))
    bob = await world.store.registry.register(world.shared("T", "bob"))

    changed = await world.store.registry.change(
        world.application.id, bob.id, changes, now=world.now
    )

    assert changed is not None
    assert changed.shared
    await world.check()


async def test_holders_that_stay_remain_shared_when_others_leave_in_one_batch(
    world: World,
) -> None:
    ann, bob, cid, _ = [
        await world.store.registry.register(world.shared("T", name))
        for name in ("ann", "bob", "cid", "dan")
    ]

    await asyncio.gather(
        world.remove(ann),
        world.store.registry.change(
            world.application.id, bob.id, Changes(attributes={"locale": "de"}), now=world.now
        ),
        world.remove(cid),
    )

    assert len(await world.holders_of("T")) == 2
    await world.check()


async def test_a_rotated_token_lets_go_of_the_old_one(world: World) -> None:
    first = await world.register("old", device="one")

    second = await world.register("new", device="one")

    assert second.id == first.id
    assert await world.holders_of("old") == set()
    assert await world.holders_of("new") == {first.id}
    assert await world.rows(departed_registrations) == []
    await world.check()

"""What happened to one person: deliveries found through registrations, also departed ones."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.contract.storage.sending import commit, commit_deferred, notify, read_all

from heliograph.core.ids import new_id, spell
from heliograph.core.model.audience import Everyone, Registrations
from heliograph.core.model.delivery import DeliveryFilter, DeliveryState, Prune

if TYPE_CHECKING:
    from tests.contract.storage.sending import Claimed
    from tests.contract.storage.world import World

    from heliograph.core.model.delivery import Delivery

pytestmark = pytest.mark.anyio


async def trail(world: World, claimed: Claimed, **wanted: object) -> list[Delivery]:
    found = await world.store.notifications.deliveries(
        claimed[1], DeliveryFilter(**wanted), after=None, limit=100
    )
    return list(found)


async def send_to_all(world: World, audience: object = None) -> Claimed:
    claimed = await notify(world, audience or Everyone())
    assert await commit(world, claimed, await read_all(world, claimed))
    return claimed


async def test_a_users_deliveries_are_those_of_their_registrations(world: World) -> None:
    mine = {(await world.register(f"a{n}", device=f"a{n}", user="ann")).id for n in range(3)}
    await world.register("b", device="b", user="bob")
    claimed = await send_to_all(world)

    assert {each.target_id for each in await trail(world, claimed, user_id="ann")} == mine
    assert await trail(world, claimed, user_id="nobody") == []
    assert len(await trail(world, claimed)) == 4


async def test_a_user_is_known_by_our_id_as_well(world: World) -> None:
    registration = await world.register("a", device="a", user="ann")
    claimed = await send_to_all(world)
    assert registration.user_id is not None
    ours = spell("user", registration.user_id)

    [found] = await trail(world, claimed, user_id=ours)

    assert found.target_id == registration.id


async def test_departed_registrations_still_tell(world: World) -> None:
    gone = await world.register("a", device="a", user="ann")
    pruned = await world.register("p", device="p", user="ann")
    claimed = await notify(world)
    targets = await read_all(world, claimed)
    [lost] = [each for each in targets if each.id == pruned.id]
    prune = Prune(lost.id, lost.token_hash, lost.refreshed_ms, "UNREGISTERED")
    assert await commit(world, claimed, targets, prunes=[prune])
    await world.remove(gone)

    found = await trail(world, claimed, user_id="ann")

    assert {each.target_id for each in found} == {gone.id, pruned.id}


async def test_one_registrations_delivery_is_found_by_its_id(world: World) -> None:
    made = await world.register_many(20)
    claimed = await send_to_all(world)

    [found] = await trail(world, claimed, registration_id=made[7].id)
    nothing = await trail(world, claimed, registration_id=new_id(world.now))

    assert found.target_id == made[7].id
    assert nothing == []


async def test_a_registration_of_somebody_else_is_not_the_users(world: World) -> None:
    mine = await world.register("a", device="a", user="ann")
    other = await world.register("b", device="b", user="bob")
    claimed = await send_to_all(world)

    found = await trail(world, claimed, user_id="ann", registration_id=mine.id)
    nothing = await trail(world, claimed, user_id="ann", registration_id=other.id)

    assert [each.target_id for each in found] == [mine.id]
    assert nothing == []


async def test_listed_registrations_are_found_whatever_their_place(world: World) -> None:
    made = await world.register_many(9)
    claimed = await send_to_all(world, Registrations(tuple(each.id for each in made)))

    [found] = await trail(world, claimed, registration_id=made[8].id)

    assert (found.target_id, found.recipient) == (made[8].id, 9)


async def test_a_state_narrows_the_list(world: World) -> None:
    await world.register("a", device="a", user="ann")
    claimed = await send_to_all(world)

    accepted = await trail(world, claimed, user_id="ann", state=DeliveryState.ACCEPTED)
    rejected = await trail(world, claimed, state=DeliveryState.REJECTED)

    assert (len(accepted), len(rejected)) == (1, 0)


async def test_what_waits_says_when_it_is_tried_next(world: World) -> None:
    await world.register("a", device="a", user="ann")
    claimed = await notify(world)
    await commit_deferred(world, claimed, await read_all(world, claimed), seconds=30)

    [found] = await trail(world, claimed, user_id="ann")

    assert found.state is DeliveryState.DEFERRED
    assert found.next_attempt_at == world.now + timedelta(seconds=30)


async def test_what_was_settled_has_no_next_try(world: World) -> None:
    await world.register("a", device="a", user="ann")
    claimed = await send_to_all(world)

    [found] = await trail(world, claimed, user_id="ann")

    assert found.next_attempt_at is None

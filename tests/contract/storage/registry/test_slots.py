"""What a registration replaces, refreshes and evicts, on both engines."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from tests.contract.storage.world import new_application

from heliograph.core.errors import Conflict
from heliograph.core.model.registration import (
    Changes,
    Environment,
    IfExists,
    MemberKey,
    ProviderName,
    RegistrationState,
    Slot,
)
from heliograph.core.registrations.slots import slot_hash
from heliograph.storage.tables.tables import departed_registrations, subscriptions

if TYPE_CHECKING:
    from tests.contract.storage.world import World

    from heliograph.core.model.registration import Owner, Registration

pytestmark = pytest.mark.anyio

SLOTS = {
    "device": {"device": "phone"},
    "user and device": {"user": "ann", "by_user": True, "device": "phone"},
    "user and token": {"user": "ann", "by_user": True, "by_token": True},
}


async def unregister(
    world: World, slot: Slot, *, owner: Owner | None = None, token: str | None = None
) -> Registration | None:
    return await world.store.registry.unregister(
        world.application.id,
        slot,
        owner,
        provider=ProviderName.FCM,
        token=token,
        now=world.now,
    )


@pytest.mark.parametrize("slot", SLOTS.values(), ids=SLOTS)
async def test_a_registration_replaces_what_fills_its_slot(world: World, slot: dict) -> None:
    first = await world.register("T", **slot)
    world.clock.advance(1)

    second = await world.register("T", **slot, attributes={"locale": "de"})

    assert (second.id, second.created, second.refreshed) == (first.id, first.created, world.now)
    assert await world.get(second) == second
    assert len(await world.living()) == 1
    await world.check()


async def test_a_session_slot_holds_one_token(world: World) -> None:
    session = await world.sign_in("ann")
    first = await world.register("old", session=session, by_session=True)

    second = await world.register("new", session=session, by_session=True)

    assert second.id == first.id
    assert second.external_user_id == "ann"
    assert second.session_id == session.id
    await world.check()


async def test_slots_by_token_keep_every_token_of_a_user(world: World) -> None:
    for token in ("A", "B"):
        await world.register(token, **SLOTS["user and token"])

    living = await world.living()

    assert {row.token for row in living.values()} == {"A", "B"}


async def test_the_last_byte_of_slot_and_id_is_the_bucket(world: World) -> None:
    registration = await world.register("T", device="phone")

    slot = slot_hash(
        world.application.id,
        Slot(device_id="phone"),
        user_id=None,
        provider="fcm",
        token_hash=registration.token_hash,
    )

    assert registration.slot == slot
    assert registration.bucket == registration.id[-1] == slot[-1]


async def test_an_occupied_slot_is_refused_to_a_draft_that_asks_so(world: World) -> None:
    first = await world.register("T", device="phone")

    with pytest.raises(Conflict) as refused:
        await world.register("other", device="phone", if_exists=IfExists.REFUSE)

    assert refused.value.kind == "registration"
    assert await world.get(first) == first
    assert await world.holders_of("other") == set()


async def test_of_two_drafts_in_one_batch_the_second_is_refused(world: World) -> None:
    drafts = [world.draft(token, device="phone", if_exists=IfExists.REFUSE) for token in "AB"]

    first, second = await asyncio.gather(
        *map(world.store.registry.register, drafts), return_exceptions=True
    )

    assert not isinstance(first, BaseException)
    assert first.token == "A"
    assert isinstance(second, Conflict)
    await world.check()


async def test_an_identical_registration_within_a_minute_writes_nothing(world: World) -> None:
    first = await world.register("T", device="phone", attributes={"locale": "de"})
    world.clock.advance(60)

    second = await world.register("T", device="phone", attributes={"locale": "de"})

    assert second == first
    assert await world.get(first) == first


async def test_an_identical_registration_after_a_minute_writes_only_refreshed(
    world: World,
) -> None:
    await world.register("T", device="phone")
    [before] = (await world.living()).values()
    world.clock.advance(60.001)

    second = await world.register("T", device="phone")

    [after] = (await world.living()).values()
    assert second.refreshed == world.now
    assert after._asdict() == before._asdict() | {"refreshed_ms": before.refreshed_ms + 60_001}


async def test_a_disabled_registration_stays_disabled_when_registered_again(world: World) -> None:
    first = await world.register("T", device="phone")
    changes = Changes(state=RegistrationState.DISABLED)
    await world.store.registry.change(world.application.id, first.id, changes, now=world.now)

    second = await world.register("new", device="phone")

    assert second.state is RegistrationState.DISABLED


async def test_a_learned_environment_stays_with_its_token(world: World) -> None:
    first = await world.register("A", device="phone")
    changes = Changes(environment=Environment.SANDBOX)
    await world.store.registry.change(world.application.id, first.id, changes, now=world.now)

    same = await world.register("A", device="phone", attributes={"locale": "de"})
    other = await world.register("B", device="phone")

    assert same.environment is Environment.SANDBOX
    assert other.environment is None


@pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "in one batch"])
async def test_a_member_past_the_limit_loses_what_was_registered_longest_ago(
    world: World, *, at_once: bool
) -> None:
    drafts = []
    for number in range(27):
        world.clock.advance(1)
        drafts.append(
            world.draft(
                f"t{number}", device=f"d{number}", user="ann", by_user=True, member_limit=25
            )
        )
    other = await world.register("x", device="x", user="ann", origin="discord")

    if at_once:
        await asyncio.gather(*map(world.store.registry.register, drafts))
    else:
        for draft in drafts:
            await world.store.registry.register(draft)

    devices = {row.device_id for row in (await world.living()).values()}
    assert devices == {f"d{number}" for number in range(2, 27)} | {"x"}
    assert await world.get(other) == other
    await world.check()


async def test_a_member_at_the_limit_keeps_what_was_registered_again(world: World) -> None:
    for number in range(3):
        world.clock.advance(100)
        await world.register(f"t{number}", device=f"d{number}", user="ann", member_limit=3)
    world.clock.advance(100)
    await world.register("t0", device="d0", user="ann", member_limit=3)

    await world.register("t3", device="d3", user="ann", member_limit=3)

    devices = {row.device_id for row in (await world.living()).values()}
    assert devices == {"d0", "d2", "d3"}
    [departed] = await world.rows(departed_registrations)
    assert departed.reason == "evicted"
    await world.check()


async def test_unregistering_empties_the_slot_and_keeps_a_snapshot(world: World) -> None:
    registration = await world.register("T", device="phone", user="ann")
    assert await world.store.tags.subscribe(
        world.application.id, registration.id, "news", now=world.now
    )
    world.clock.advance(5)

    left = await unregister(world, Slot(device_id="phone"))

    assert left == registration
    assert await world.living() == {}
    assert await world.holders_of("T") == set()
    assert await world.rows(subscriptions) == []
    [departed] = await world.rows(departed_registrations)
    assert (departed.id, departed.reason) == (registration.id, "unregistered")
    assert departed.token_hash == registration.token_hash
    assert json.loads(departed.snapshot)["device_id"] == "phone"
    assert departed.departed_ms == int(world.now.timestamp() * 1000)


async def test_unregistering_with_a_token_spares_a_slot_that_holds_another(world: World) -> None:
    registration = await world.register("new", device="phone")

    left = await unregister(world, Slot(device_id="phone"), token="old")

    assert left is None
    assert await world.get(registration) == registration
    assert await unregister(world, Slot(device_id="phone"), token="new") == registration


async def test_unregistering_a_slot_of_an_unknown_user_makes_nobody(world: World) -> None:
    left = await unregister(
        world, Slot(by_user=True, device_id="phone"), owner=world.user("nobody")
    )

    assert left is None
    assert await world.store.identity.users(None, after=None, limit=10) == []


async def test_a_user_of_the_same_batch_can_unregister(world: World) -> None:
    slot = Slot(by_user=True, device_id="phone")

    registered, left = await asyncio.gather(
        world.register("T", device="phone", user="ann", by_user=True),
        unregister(world, slot, owner=world.user("ann")),
    )

    assert left == registered
    assert await world.living() == {}
    await world.check()


async def test_a_member_by_key_fills_the_same_slot_as_by_name(world: World) -> None:
    first = await world.register("T", **SLOTS["user and device"])
    assert first.user_id is not None
    assert first.member_id is not None

    key = MemberKey(first.user_id, first.member_id, "ann")
    second = await world.register("T", device="phone", user=key, by_user=True)

    assert second == first


async def test_what_came_and_went_within_a_batch_leaves_nothing(world: World) -> None:
    registered, left, again = await asyncio.gather(
        world.register("T", device="phone"),
        unregister(world, Slot(device_id="phone")),
        world.register("T", device="phone"),
    )

    assert left == registered
    assert again.id != registered.id
    assert set(await world.living()) == {again.id}
    await world.check()


async def test_removing_by_id_happens_once(world: World) -> None:
    registration = await world.register("T", device="phone")

    assert await world.remove(registration) == registration

    assert await world.remove(registration) is None
    assert await world.get(registration) is None


async def test_another_application_can_neither_see_nor_touch_a_registration(world: World) -> None:
    registration = await world.register("T", device="phone")
    foreign, registry = await new_application(world), world.store.registry

    seen = await registry.get(foreign.application.id, registration.id)
    removed = await registry.remove(foreign.application.id, registration.id, now=world.now)
    changed = await registry.change(
        foreign.application.id, registration.id, Changes(token="X"), now=world.now
    )
    left = await unregister(foreign, Slot(device_id="phone"))

    assert (seen, removed, changed, left) == (None, None, None, None)
    assert await world.get(registration) == registration


async def test_another_application_touches_nothing_in_a_batch_with_the_owner(world: World) -> None:
    registration = await world.register("T", device="phone")
    foreign, registry = (await new_application(world)).application.id, world.store.registry
    world.clock.advance(1)

    again, removed, changed = await asyncio.gather(
        world.register("T", device="phone", attributes={"locale": "de"}),
        registry.remove(foreign, registration.id, now=world.now),
        registry.change(foreign, registration.id, Changes(token="X"), now=world.now),
    )

    assert (removed, changed) == (None, None)
    assert await world.get(registration) == again
    await world.check()

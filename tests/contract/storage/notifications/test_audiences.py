"""Who is read for which audience, on both engines."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.contract.storage.sending import notify, read, read_all
from tests.contract.storage.world import new_application

from heliograph.core.ids import new_id, spell
from heliograph.core.model.audience import (
    Address,
    Addresses,
    AddressForm,
    Audience,
    Devices,
    Everyone,
    Registrations,
    Tags,
    Users,
)
from heliograph.core.model.registration import (
    Changes,
    Environment,
    ProviderName,
    RegistrationState,
    TokenKind,
    token_hash,
)

if TYPE_CHECKING:
    from tests.contract.storage.world import World

    from heliograph.core.ids import Id
    from heliograph.core.model.registration import Registration

pytestmark = pytest.mark.anyio


async def reached(world: World, audience: Audience, limit: int = 1000) -> list[Id]:
    """The ids that an audience comes to."""
    targets = await read_all(world, await notify(world, audience), limit)
    ids = [target.id for target in targets]
    assert len(ids) == len(set(ids))
    return ids


def in_scan_order(rows: list[Registration]) -> list[Id]:
    return [row.id for row in sorted(rows, key=lambda row: (row.bucket, row.id))]


async def subscribe(world: World, rows: list[Registration], label: str) -> None:
    for row in rows:
        await world.store.tags.subscribe(world.application.id, row.id, label, now=world.now)


@pytest.mark.parametrize("limit", [1, 7, 40, 1000])
async def test_everyone_is_read_once_in_the_order_of_the_key(world: World, limit: int) -> None:
    made = await world.register_many(40)
    await (await new_application(world)).register("X", device="foreign")

    assert await reached(world, Everyone(), limit) == in_scan_order(made)


async def test_a_target_carries_what_the_engine_needs(world: World) -> None:
    row = await world.register(
        "T", device="d", attributes={"b": 1, "a": "x"}, environment=Environment.SANDBOX
    )

    [target] = (await read(world, await notify(world))).targets

    assert target == (
        row.id,
        row.bucket,
        0,
        ProviderName.FCM,
        Environment.SANDBOX,
        "T",
        row.token_hash,
        '{"a":"x","b":1}',
        int(row.refreshed.timestamp() * 1000),
        0,
        True,
        AddressForm.TOKEN,
    )


@pytest.mark.parametrize("limit", [1, 3, 1000])
async def test_users_are_reached_on_all_their_devices(world: World, limit: int) -> None:
    wanted = [
        await world.register(f"t{name}{n}", device=f"{name}{n}", user=name)
        for name in ("ann", "bob")
        for n in range(4)
    ]
    await world.register("x", device="x", user="cid")
    await world.register("y", device="y")

    ids = await reached(world, Users(("ann", "nobody", "bob")), limit)

    assert ids == in_scan_order(wanted)


async def test_users_without_a_name_are_reached_by_our_id(world: World) -> None:
    user, member = await world.store.identity.ensure_member(
        world.account.id, world.application.id, None, now=world.now
    )
    row = await world.register("T", device="d", user=member)

    assert await reached(world, Users((spell("user", user.id),))) == [row.id]


async def test_more_users_than_a_statement_has_parameters_can_be_reached(world: World) -> None:
    row = await world.register("T", device="d", user="u39999")

    ids = await reached(world, Users(tuple(f"u{n}" for n in range(40_000))))

    assert ids == [row.id]


@pytest.mark.parametrize("limit", [1, 4, 1000])
async def test_subscribers_of_any_tag_are_read_once(world: World, limit: int) -> None:
    made = await world.register_many(20)
    await subscribe(world, made[:8], "news")
    await subscribe(world, made[5:12], "alarms")
    await subscribe(world, made[15:], "other")

    ids = await reached(world, Tags(("news", "alarms", "unknown")), limit)

    assert ids == in_scan_order(made[:12])


async def test_one_tag_reaches_its_subscribers(world: World) -> None:
    made = await world.register_many(9)
    await subscribe(world, made[::2], "news")
    await world.remove(made[4])

    assert await reached(world, Tags(("news",)), 2) == in_scan_order(
        [made[0], made[2], made[6], made[8]]
    )


async def test_who_registers_after_the_start_is_not_in_the_audience(world: World) -> None:
    early = await world.register("A", device="one")
    claimed = await notify(world)
    await world.register("B", device="just in time")
    world.clock.advance(0.001)
    await world.register("C", device="late")

    targets = await read_all(world, claimed)

    assert {target.token for target in targets} == {"A", "B"}
    assert early.id in {target.id for target in targets}


async def test_the_silent_and_the_disabled_and_other_kinds_are_left_out(world: World) -> None:
    until = world.now + timedelta(seconds=10)
    await world.register("silent", device="1", silent_after=world.now)
    await world.register("still speaking", device="2", silent_after=until)
    disabled = await world.register("disabled", device="3")
    await world.register("voip", device="4", kind=TokenKind.VOIP)
    changes = Changes(state=RegistrationState.DISABLED)
    await world.store.registry.change(world.application.id, disabled.id, changes, now=world.now)
    claimed = await notify(world)

    now = {target.token for target in await read_all(world, claimed)}
    world.clock.advance(10)
    later = {target.token for target in await read_all(world, claimed)}

    assert now == {"still speaking"}
    assert later == set()


@pytest.mark.parametrize("limit", [1, 5, 1000])
async def test_a_shared_token_is_reached_once_through_its_smallest_id(
    world: World, limit: int
) -> None:
    rows = []
    for number in range(30):
        world.clock.advance(0.001)
        draft = world.shared(f"t{number % 5}", f"u{number}")
        rows.append(await world.store.registry.register(draft))

    assert await reached(world, Everyone(), limit) == in_scan_order(rows[:5])


async def test_only_holders_in_the_audience_stand_in_for_a_shared_token(world: World) -> None:
    names = ("ann", "bob", "cid")
    rows = []
    for name in names:
        world.clock.advance(0.001)
        rows.append(await world.store.registry.register(world.shared("T", name)))
    await subscribe(world, rows[1:], "news")

    assert await reached(world, Users(("bob", "cid"))) == [rows[1].id]
    assert await reached(world, Users(("cid",))) == [rows[2].id]
    assert await reached(world, Users(names)) == [rows[0].id]
    assert await reached(world, Tags(("news",))) == [rows[1].id]


async def test_a_disabled_holder_does_not_stand_in_for_a_shared_token(world: World) -> None:
    ann = await world.store.registry.register(world.shared("T", "ann"))
    world.clock.advance(0.001)
    bob = await world.store.registry.register(world.shared("T", "bob"))
    changes = Changes(state=RegistrationState.DISABLED)
    await world.store.registry.change(world.application.id, ann.id, changes, now=world.now)

    assert await reached(world, Everyone()) == [bob.id]


async def test_a_changed_holder_is_not_reached_beside_the_other(world: World) -> None:
    ann = await world.store.registry.register(world.shared("T", "ann"))
    world.clock.advance(0.001)
    bob = await world.store.registry.register(world.shared("T", "bob"))
    changes = Changes(attributes={"locale": "de"})
    await world.store.registry.change(world.application.id, bob.id, changes, now=world.now)

    assert await reached(world, Everyone()) == [ann.id]


@pytest.mark.parametrize("limit", [1, 2, 1000])
async def test_listed_registrations_keep_their_order_and_drop_who_is_gone(
    world: World, limit: int
) -> None:
    made = await world.register_many(6)
    unknown = new_id(world.now)
    claimed = await notify(world, Registrations((*(row.id for row in made), unknown)))
    await world.remove(made[2])

    targets, dropped, cursor = [], [], None
    while True:
        page = await read(world, claimed, cursor, limit)
        targets += page.targets
        dropped += page.dropped
        if (cursor := page.cursor) is None:
            break

    assert [(target.recipient, target.id) for target in targets] == [
        (n, row.id) for n, row in enumerate(made, 1) if n != 3
    ]
    assert [(gone.place.recipient, gone.place.target_id) for gone in dropped] == [
        (3, made[2].id),
        (7, unknown),
    ]


async def test_listed_registrations_of_another_application_are_dropped(world: World) -> None:
    foreign = await (await new_application(world)).register("T", device="d")

    page = await read(world, await notify(world, Registrations((foreign.id,))))

    assert page.targets == []
    assert [gone.place.target_id for gone in page.dropped] == [foreign.id]


@pytest.mark.parametrize("limit", [1, 2, 1000])
async def test_addresses_need_no_registration(world: World, limit: int) -> None:
    await world.register("A", device="one")
    listed = [Address(ProviderName.FCM, "A"), Address(ProviderName.APNS, "B")]
    listed.append(Address(ProviderName.FCM, "C"))

    targets = await read_all(world, await notify(world, Addresses(tuple(listed))), limit)

    assert [(target.provider, target.token) for target in targets] == [
        (address.provider, address.token) for address in listed
    ]
    assert [target.recipient for target in targets] == [1, 2, 3]
    for target in targets:
        digest = token_hash(target.provider, target.token)
        assert (target.id, target.token_hash, target.bucket) == (digest, digest, digest[-1])
        assert (target.is_registered, target.refreshed_ms) == (False, 0)


async def test_readers_do_not_wait_for_writers(world: World) -> None:
    made = await world.register_many(5)
    claimed = await notify(world)

    pages = await asyncio.gather(
        *(read(world, claimed) for _ in range(5)),
        *(world.register(f"x{n}", device=f"x{n}", user=f"x{n}") for n in range(20)),
    )

    for page in pages[:5]:
        assert {row.id for row in made} <= {target.id for target in page.targets}


async def test_devices_are_found_by_their_ids_and_nameless_ones_by_their_registrations(
    world: World,
) -> None:
    named = await world.register("A", device="phone-1")
    nameless = await world.register("B", user="ann", device=None)
    await world.register("C", device="phone-3")
    names = ("phone-1", spell("registration", nameless.id), "stranger")

    assert set(await reached(world, Devices(names))) == {named.id, nameless.id}


async def test_a_named_device_does_not_go_by_its_registrations_id(world: World) -> None:
    named = await world.register("A", device="phone-1")

    assert await reached(world, Devices((spell("registration", named.id),))) == []


@pytest.mark.parametrize(
    "audience",
    [
        Everyone((ProviderName.APNS, ProviderName.WNS)),
        Users(("ann",), (ProviderName.APNS,)),
        Tags(("sports",), (ProviderName.APNS,)),
        Devices(("a", "b"), (ProviderName.APNS,)),
    ],
    ids=lambda audience: type(audience).__name__,
)
async def test_an_audience_may_be_limited_to_some_providers(
    world: World, audience: Audience
) -> None:
    meant = await world.register("A", user="ann", device="a", provider=ProviderName.APNS)
    other = await world.register("B", user="ann", device="b", provider=ProviderName.FCM)
    await subscribe(world, [meant, other], "sports")

    reach = await world.store.audiences.reach(world.application.id, audience, now=world.now)

    assert await reached(world, audience) == [meant.id]
    assert [(item.provider, item.count) for item in reach.items] == [(ProviderName.APNS, 1)]

"""Lists by age are the same whichever index they are read along, on both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.contract.storage.world import new_application

from heliograph.core.ids import spell
from heliograph.core.model.listing import (
    ANYTHING,
    Condition,
    Part,
    RegistrationField,
    RegistrationFilter,
    Window,
)
from heliograph.core.model.registration import ProviderName
from heliograph.storage.registry.by_age import MOST_CANDIDATES, count, page_by_age
from heliograph.storage.registry.subscriptions_by_age import (
    count_subscriptions,
    page_of_subscriptions,
)

if TYPE_CHECKING:
    from tests.contract.storage.world import World

    from heliograph.core.model.registration import Registration
    from heliograph.core.model.tag import Subscription

pytestmark = pytest.mark.anyio

USER, DEVICE = RegistrationField.USER_ID, RegistrationField.DEVICE_ID
TOKEN, PROVIDER = RegistrationField.TOKEN, RegistrationField.PROVIDER
LABEL = RegistrationField.LABEL
PROVIDERS = (ProviderName.FCM, ProviderName.APNS, ProviderName.WNS)
COUNT = 15

IS_APPLE = Condition(PROVIDER, ("apns",))
CRITERIA = {
    "everything": (),
    "one provider": (IS_APPLE,),
    "two providers": (Condition(PROVIDER, ("apns", "wns")),),
    "no provider": (Condition(PROVIDER, ()),),
    "part of a provider": (Condition(PROVIDER, ("n",), is_exact=False),),
    "all but a provider": (Condition(PROVIDER, ("apns",), is_excluding=True),),
    "part of a user of a part of a provider": (
        Condition(USER, ("n",), is_exact=False),
        Condition(PROVIDER, ("n",), is_exact=False),
    ),
    "a provider none uses": (Condition(PROVIDER, ("sms",)),),
    "a device": (Condition(DEVICE, ("Phone-3",)),),
    "devices": (Condition(DEVICE, ("Phone-3", "Phone-7", "Phone-0")),),
    "a user": (Condition(USER, ("ann",)),),
    "a user of a provider": (Condition(USER, ("ann",)), IS_APPLE),
    "nobody": (Condition(USER, (None,)),),
    "nobody or a user": (Condition(USER, (None, "ann")),),
    "a token": (Condition(TOKEN, ("token-4",)),),
    "a token of a user": (Condition(TOKEN, ("token-4",)), Condition(USER, ("ann",))),
    "part of a device": (Condition(DEVICE, ("hone-1",), is_exact=False),),
    "part of a device in another case": (Condition(DEVICE, ("phone",), is_exact=False),),
    "part of a device of a provider": (Condition(DEVICE, ("hone",), is_exact=False), IS_APPLE),
    "part of a user": (Condition(USER, ("n",), is_exact=False),),
    "part of two users": (Condition(USER, ("an",), is_exact=False),),
    "part of one user": (Condition(USER, ("N",), is_exact=False),),
    "part of no user": (Condition(USER, ("x",), is_exact=False),),
    "part of a user or nobody": (Condition(USER, ("n", None), is_exact=False),),
    "part of a user of a provider": (Condition(USER, ("n",), is_exact=False), IS_APPLE),
    "part of a token": (Condition(TOKEN, ("ken-1",), is_exact=False),),
    "one or the other": (IS_APPLE._replace(alternatives=(Condition(USER, ("ann",)),)),),
    "all but": (Condition(USER, ("ann",), is_excluding=True),),
}


async def fill(world: World) -> list[Registration]:
    """Registrations of several providers and users; and another application's to keep out."""
    made = []
    for number in range(COUNT):
        made.append(
            await world.register(
                f"token-{number}",
                device=f"Phone-{number}",
                user=("ann", "Nan", None, "bob", "nina")[number % 5],
                provider=PROVIDERS[number // 2 % 3],
                labels=("all", "odd") if number % 2 else ("all",),
            )
        )
        world.clock.advance(0.001)
    other = await new_application(world)
    await other.register("token-4", device="Phone-3", user="ann", labels=("all",))
    return made


def meets(row: Registration, condition: Condition) -> bool:
    value = {
        USER: row.external_user_id,
        DEVICE: row.device_id,
        TOKEN: row.token,
        PROVIDER: row.provider.value,
    }[condition.field]
    if condition.is_exact:
        has = value in condition.values
    else:
        has = any(
            value is None if part is None else part in (value or "") for part in condition.values
        )
    return has is not condition.is_excluding or any(
        meets(row, each) for each in condition.alternatives
    )


async def page(
    world: World, wanted: RegistrationFilter, window: Window, most: int = MOST_CANDIDATES
) -> Part[Registration]:
    app = world.application.id
    return await world.store._database.read(
        lambda connection: page_by_age(connection, app, wanted, window, most=most)
    )


async def walked(
    world: World, wanted: RegistrationFilter, limit: int, most: int = MOST_CANDIDATES
) -> list[Registration]:
    """A list from its first page to its last, each behind the one before."""
    rows: list[Registration] = []
    while True:
        window = Window(len(rows), limit, after=rows[-1].id if rows else None)
        part = await page(world, wanted, window, most)
        rows += part.items
        if not part.has_more:
            assert part.total in (None, len(rows))
            return rows
        assert part.total is None or part.total > len(rows)


MOST = pytest.mark.parametrize("most", [MOST_CANDIDATES, 1], ids=["few", "many"])
"""A bound that all matches of a text are below, and one that they are above."""


@MOST
async def test_a_list_holds_what_meets_its_criteria_by_age(world: World, most: int) -> None:
    made = await fill(world)
    database, app = world.store._database, world.application.id

    async def number(wanted: RegistrationFilter) -> int:
        return await database.read(lambda connection: count(connection, app, wanted, most=most))

    for name, conditions in CRITERIA.items():
        wanted = RegistrationFilter(conditions=conditions)
        expected = [row for row in made if all(meets(row, each) for each in conditions)]
        assert await walked(world, wanted, 5, most) == expected, name
        assert await number(wanted) == len(expected), name
        from_an_offset = await page(world, wanted, Window(2, 3), most)
        assert list(from_an_offset.items) == expected[2:5], name
        assert from_an_offset.has_more is (len(expected) > 5), name
        if len(expected) > 4:
            back = await page(world, wanted, Window(1, 3, before=expected[4].id), most)
            assert list(back.items) == expected[1:4], name
            assert back.has_more, name


async def test_a_registration_without_a_device_is_found_by_its_own_id(world: World) -> None:
    await fill(world)
    nameless = await world.register("nameless", by_token=True)
    is_it = Condition(DEVICE, (spell("registration", nameless.id),))

    assert await walked(world, RegistrationFilter(conditions=(is_it,)), 5) == [nameless]


async def test_a_filters_own_fields_narrow_a_list(world: World) -> None:
    made = await fill(world)

    anns = [row for row in made if row.external_user_id == "ann"]
    mine = RegistrationFilter(member_id=anns[0].member_id)
    assert await walked(world, mine, 2) == anns
    assert await walked(world, mine._replace(conditions=(IS_APPLE,)), 2) == [
        row for row in anns if row.provider is ProviderName.APNS
    ]
    by_provider = ANYTHING._replace(provider=ProviderName.WNS)
    assert await walked(world, by_provider, 2) == [
        row for row in made if row.provider is ProviderName.WNS
    ]


async def test_behind_the_end_is_nothing(world: World) -> None:
    made = await fill(world)
    registry, app = world.store.registry, world.application.id

    behind = await registry.page(app, ANYTHING, Window(COUNT, 5, after=made[-1].id))
    beyond = await registry.page(app, ANYTHING, Window(2**63 - 1, 5000))
    before = await registry.page(app, ANYTHING, Window(0, 5, before=made[0].id))

    assert (behind.items, behind.has_more) == ([], False)
    assert (beyond.items, beyond.has_more, beyond.total) == ([], False, COUNT)
    assert (before.items, before.has_more) == ([], False)


@MOST
async def test_subscriptions_are_listed_by_their_devices_age(world: World, most: int) -> None:
    made = await fill(world)
    read, app = world.store._database.read, world.application.id

    async def part_of(conditions: tuple[Condition, ...], window: Window) -> Part[Subscription]:
        return await read(
            lambda connection: page_of_subscriptions(connection, app, conditions, window, most=most)
        )

    async def number(conditions: tuple[Condition, ...]) -> int:
        return await read(
            lambda connection: count_subscriptions(connection, app, conditions, most=most)
        )

    everything = [
        (row.device_id, label)
        for number, row in enumerate(made)
        for label in (("all", "odd") if number % 2 else ("all",))
    ]
    by_device = {row.device_id: row for row in made}
    is_odd = Condition(LABEL, ("odd",))

    for name, conditions in {**CRITERIA, "a tag": (is_odd,), "both": (is_odd, IS_APPLE)}.items():
        expected = [
            (device, label)
            for device, label in everything
            if all(
                label in each.values if each.field is LABEL else meets(by_device[device], each)
                for each in conditions
            )
        ]
        rows: list[Subscription] = []
        while True:
            window = Window(len(rows), 4, after=rows[-1].key if rows else None)
            part = await part_of(conditions, window)
            rows += part.items
            if not part.has_more:
                break
        assert [(row.registration.device_id, row.label) for row in rows] == expected, name
        assert await number(conditions) == len(expected), name
        if len(rows) > 4:
            back = await part_of(conditions, Window(1, 3, before=rows[4].key))
            assert list(back.items) == rows[1:4], name
            again = await part_of(conditions, Window(2, 3))
            assert list(again.items) == rows[2:5], name


async def test_tags_are_walked_both_ways(world: World) -> None:
    for label in "abcde":
        await world.register(label, device=label, labels=(label,))
        world.clock.advance(0.001)
    tags, app = world.store.tags, world.application.id

    first = await tags.tags(app, (), Window(0, 2))
    second = await tags.tags(app, (), Window(2, 2, after=first.items[-1].id))
    back = await tags.tags(app, (), Window(0, 2, before=second.items[0].id))

    assert [tag.label for tag in (*first.items, *second.items)] == ["a", "b", "c", "d"]
    assert (second.has_more, second.total) == (True, 5)
    assert (list(back.items), back.has_more) == (list(first.items), True)

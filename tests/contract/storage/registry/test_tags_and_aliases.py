"""Tags, subscriptions, aliases and lists by age, on both engines."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from heliograph.core.aliases import Aliases
from heliograph.core.ids import Id, new_id, spell
from heliograph.core.model.listing import (
    ANYTHING,
    Condition,
    RegistrationField,
    RegistrationFilter,
    Window,
)
from heliograph.core.model.registration import (
    Changes,
    FreshUser,
    OwnerChange,
    ProviderName,
    UserKey,
)
from heliograph.core.model.tag import Subscribed, Tag

if TYPE_CHECKING:
    from tests.contract.storage.world import World

pytestmark = pytest.mark.anyio


async def listed(world: World, *conditions: Condition, **fields: object) -> list[str | None]:
    found = await world.store.registry.page(
        world.application.id,
        RegistrationFilter(conditions=conditions, **fields),  # type: ignore[arg-type]
        Window(0, 100),
    )
    assert found.total == len(found.items)
    return [row.device_id for row in found.items]


async def test_an_alias_is_unique_both_ways(world: World) -> None:
    aliases, scope = world.store.aliases, world.account.id
    one, two = Id(b"1" * 16), Id(b"2" * 16)

    assert await aliases.add_alias("k", scope, "v", one)
    assert not await aliases.add_alias("k", scope, "v", two)
    assert not await aliases.add_alias("k", scope, "w", one)
    assert await aliases.add_alias("other", scope, "v", two)

    assert await aliases.by_alias("k", scope, "v") == one
    assert await aliases.alias_of("k", scope, one) == "v"
    assert await aliases.alias_of("k", scope, two) is None
    assert await aliases.by_alias("k", world.application.id, "v") is None


async def test_an_alias_moves_at_once_whoever_has_it(world: World) -> None:
    aliases, scope = world.store.aliases, world.account.id
    one, two = Id(b"1" * 16), Id(b"2" * 16)
    await aliases.add_alias("k", scope, "v", one)
    await aliases.add_alias("k", scope, "w", two)

    await aliases.move_alias("k", scope, "v", two)

    assert await aliases.aliases("k", scope) == {two: "v"}


async def test_an_alias_that_many_move_stands_for_one_of_theirs_throughout(world: World) -> None:
    aliases = Aliases(world.store.aliases, world.clock, cache_ttl_s=0)
    scope = world.account.id
    things = [Id(bytes([number]) * 16) for number in range(1, 5)]
    await aliases.set("k", scope, things[0], "v")

    async def look() -> Id | None:
        return await aliases.find("k", scope, "v")

    moves = [aliases.move("k", scope, thing, "v") for thing in things * 5]
    looks = [look() for _ in range(20)]
    pairs = zip(moves, looks, strict=True)
    found = await asyncio.gather(*(each for pair in pairs for each in pair))

    assert set(found[1::2]) <= set(things)
    assert await aliases.find("k", scope, "v") in things


async def test_a_list_by_age_is_cut_at_offsets_and_counted(world: World) -> None:
    for number in range(5):
        await world.register(f"t{number}", device=f"d{number}")
        world.clock.advance(1)

    found = await world.store.registry.page(world.application.id, ANYTHING, Window(1, 2))

    assert [row.device_id for row in found.items] == ["d1", "d2"]
    assert found.has_more
    assert await world.store.registry.count(world.application.id, ANYTHING) == 5


async def test_a_list_is_narrowed_by_conditions_that_all_hold(world: World) -> None:
    await world.register("one", device="phone-1", user="ann")
    world.clock.advance(1)
    await world.register("two", device="tablet", user="bob", provider=ProviderName.APNS)
    world.clock.advance(1)
    nameless = await world.register("three", by_token=True)
    field = RegistrationField

    assert await listed(world, Condition(field.DEVICE_ID, ("tablet", "phone-1"))) == [
        "phone-1",
        "tablet",
    ]
    assert await listed(world, Condition(field.DEVICE_ID, ("hone",), is_exact=False)) == ["phone-1"]
    assert await listed(world, Condition(field.DEVICE_ID, ("%",), is_exact=False)) == []
    own_id = spell("registration", nameless.id)
    assert await listed(world, Condition(field.DEVICE_ID, (own_id,))) == [None]
    assert await listed(world, Condition(field.USER_ID, ("bob", None))) == ["tablet", None]
    assert await listed(world, Condition(field.TOKEN, ("one",))) == ["phone-1"]
    assert await listed(world, Condition(field.PROVIDER, ("apns",))) == ["tablet"]
    assert (
        await listed(
            world,
            Condition(field.PROVIDER, ("apns",)),
            Condition(field.USER_ID, ("ann",)),
        )
        == []
    )
    assert await listed(world, Condition(field.TOKEN, ())) == []


async def test_a_member_id_narrows_a_list(world: World) -> None:
    row = await world.register("one", device="phone", user="ann")
    await world.register("two", device="tablet", user="bob")

    assert await listed(world, member_id=row.member_id) == ["phone"]


async def test_a_tag_is_made_described_and_removed_with_its_subscriptions(world: World) -> None:
    tags, app = world.store.tags, world.application.id
    row = await world.register(device="phone")
    tag = Tag(new_id(world.now), app, "news", "what is new", world.now, world.now)

    assert await tags.add_tag(tag)
    assert not await tags.add_tag(tag)
    assert await tags.tag(app, "news") == tag
    world.clock.advance(5)
    described = await tags.change_tag(app, "news", "old", now=world.now)
    assert described is not None
    assert (described.description, described.updated) == ("old", world.now)
    assert await tags.subscribe(app, row.id, "news", now=world.now) is Subscribed.NEW
    assert await tags.remove_tag(app, "news")

    assert not await tags.remove_tag(app, "news")
    assert await tags.change_tag(app, "news", None, now=world.now) is None
    assert await tags.labels_of(app, row.id) == []


async def test_subscribing_says_what_it_came_to(world: World) -> None:
    tags, app = world.store.tags, world.application.id
    row = await world.register(device="phone")

    assert await tags.subscribe(app, row.id, "news", now=world.now) is Subscribed.NEW
    assert await tags.subscribe(app, row.id, "news", now=world.now) is Subscribed.ALREADY
    stranger = Id(b"x" * 15 + b"\0")
    outcome = await tags.subscribe(app, stranger, "news", now=world.now)
    assert outcome is Subscribed.NO_REGISTRATION
    assert await tags.unsubscribe(app, row.id, "news", now=world.now)
    assert not await tags.unsubscribe(app, row.id, "news", now=world.now)


async def test_subscriptions_are_listed_and_narrowed(world: World) -> None:
    tags, app = world.store.tags, world.application.id
    phone = await world.register("one", device="phone", user="ann")
    world.clock.advance(1)
    tablet = await world.register("two", device="tablet")
    for row, label in ((phone, "news"), (phone, "chat"), (tablet, "news")):
        await tags.subscribe(app, row.id, label, now=world.now)
        world.clock.advance(1)

    everything = (await tags.subscriptions(app, (), Window(0, 2))).items
    is_news = Condition(RegistrationField.LABEL, ("news",))
    news = (await tags.subscriptions(app, (is_news,), Window(0, 9))).items
    is_ann = Condition(RegistrationField.USER_ID, ("ann",))
    anns = (await tags.subscriptions(app, (is_news, is_ann), Window(0, 9))).items

    assert await tags.count_subscriptions(app, ()) == 3
    assert [(each.label, each.registration.device_id) for each in everything] == [
        ("news", "phone"),
        ("chat", "phone"),
    ]
    assert [each.registration.id for each in news] == [phone.id, tablet.id]
    assert [each.registration.id for each in anns] == [phone.id]
    assert await tags.subscription(app, news[1].tag_id, tablet.id) == news[1]
    assert await tags.subscription(app, everything[1].tag_id, tablet.id) is None


async def test_a_new_registration_is_subscribed_to_its_drafts_labels(world: World) -> None:
    tags, app = world.store.tags, world.application.id
    row = await world.register("one", device="phone", labels=("Push.ALL",))
    assert await tags.labels_of(app, row.id) == ["Push.ALL"]

    await tags.unsubscribe(app, row.id, "Push.ALL", now=world.now)
    await world.register("two", device="phone", labels=("Push.ALL",))

    assert await tags.labels_of(app, row.id) == []


async def test_a_fresh_user_comes_with_their_first_registration(world: World) -> None:
    fresh = FreshUser(world.account.id, new_id(world.now), new_id(world.now))

    row = await world.register("one", user=fresh, by_user=True, by_token=True)

    assert (row.user_id, row.member_id) == (fresh.user_id, fresh.member_id)
    [member] = await world.store.identity.members(world.account.id, user_id=fresh.user_id)
    assert (member.id, member.application_id) == (fresh.member_id, world.application.id)
    assert await world.store.identity.user(world.account.id, fresh.user_id) is not None


async def test_a_membership_of_a_known_user_is_made_once(world: World) -> None:
    identity, app = world.store.identity, world.application.id
    row = await world.register("one", device="phone", user="ann")
    assert row.user_id is not None

    member = await identity.member_of_user(app, row.user_id, now=world.now)

    assert member is not None
    assert (member.member_id, member.external_id) == (row.member_id, "ann")
    assert await identity.member_of_user(app, Id(b"n" * 16), now=world.now) is None
    assert await identity.members(Id(b"n" * 16), member_id=row.member_id) == []


async def test_a_token_is_synchronised_to_exactly_the_listed_users(world: World) -> None:
    old = await world.store.registry.register(world.shared("T", "carol"))
    drafts = [world.shared("T", name) for name in ("ann", "bob")]

    kept = await world.store.registry.synchronize(drafts, is_exact=True)

    assert await world.get(old) is None
    assert [row.external_user_id for row in kept] == ["ann", "bob"]
    added = await world.store.registry.synchronize([world.shared("T", "dave")], is_exact=False)
    rows = (await world.store.registry.page(world.application.id, ANYTHING, Window(0, 9))).items
    assert {row.id for row in rows} == {row.id for row in (*kept, *added)}
    assert all(row.shared for row in rows)


async def test_a_member_loses_what_one_dialect_registered(world: World) -> None:
    mine = await world.register("one", device="phone", user="ann", origin="twilio")
    other = await world.register("two", device="tablet", user="ann")
    assert mine.member_id is not None

    removed = await world.store.registry.remove_of_member(
        world.application.id, mine.member_id, "twilio", now=world.now
    )

    assert removed == 1
    assert await world.get(mine) is None
    assert await world.get(other) is not None


async def test_a_registration_changes_hands(world: World) -> None:
    row = await world.register("one", device="phone")
    change = Changes(owner=OwnerChange(UserKey(world.account.id, "ann")))

    anns = await world.store.registry.change(world.application.id, row.id, change, now=world.now)
    nobodys = await world.store.registry.change(
        world.application.id, row.id, Changes(owner=OwnerChange(None)), now=world.now
    )

    assert anns is not None
    assert anns.external_user_id == "ann"
    assert nobodys is not None
    assert nobodys.user_id is None
    assert (await world.get(row)) == nobodys

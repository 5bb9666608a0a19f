"""Finding registrations, members made at first sight, and the end of sessions, on both engines."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from tests.contract.storage.world import new_application

from heliograph.core.errors import NotAuthenticated, NotFound
from heliograph.core.ids import new_id
from heliograph.core.model.listing import RegistrationFilter
from heliograph.core.model.registration import ProviderName
from heliograph.core.model.tag import Subscribed
from heliograph.storage.tables.tables import departed_registrations, members, users

if TYPE_CHECKING:
    from tests.contract.storage.world import World

    from heliograph.core.model.registration import Registration

pytestmark = pytest.mark.anyio


async def find(world: World, limit: int = 100, **wanted: object) -> list[Registration]:
    """Every page of a list."""
    found: list[Registration] = []
    while True:
        page = await world.store.registry.find(
            world.application.id,
            RegistrationFilter(**wanted),  # type: ignore[arg-type]
            after=found[-1].id if found else None,
            limit=limit,
        )
        assert len(page) <= limit
        found += page
        if len(page) < limit:
            return found


@pytest.mark.parametrize("limit", [1, 7, 50])
async def test_a_list_crosses_buckets_page_by_page(world: World, limit: int) -> None:
    made = await world.register_many(50)

    found = await find(world, limit)

    assert found == sorted(made, key=lambda row: (row.bucket, row.id))
    assert len({row.bucket for row in found}) > 10


async def test_each_filter_narrows_a_list(world: World) -> None:
    ann = await world.register("A", device="one", user="ann")
    bob = await world.register("B", device="two", user="bob", provider=ProviderName.APNS)
    foreign = await new_application(world)
    await foreign.register("C", device="one", user="ann")

    assert await find(world, external_user_id="ann") == [ann]
    assert await find(world, user_id=bob.user_id) == [bob]
    assert await find(world, device_id="one") == [ann]
    assert await find(world, provider=ProviderName.APNS) == [bob]
    assert await find(world, provider=ProviderName.APNS, external_user_id="ann") == []
    assert await find(world, external_user_id="nobody") == []
    assert {row.id for row in await find(world)} == {ann.id, bob.id}


async def test_filtered_lists_have_pages_too(world: World) -> None:
    made = [await world.register(f"t{n}", device=f"d{n}", user="ann") for n in range(7)]
    await world.register("x", device="x", user="bob")

    found = await find(world, 3, external_user_id="ann")

    assert {row.id for row in found} == {row.id for row in made}


async def test_a_user_is_made_once_for_a_whole_batch(world: World) -> None:
    other = await new_application(world)

    first, second, third = await asyncio.gather(
        world.register("A", device="one", user="ann"),
        world.register("B", device="two", user="ann"),
        other.register("C", device="one", user="ann"),
    )

    assert first.user_id == second.user_id == third.user_id
    assert first.member_id == second.member_id != third.member_id
    assert len(await world.rows(users)) == 1
    assert len(await world.rows(members)) == 2


async def test_a_member_found_again_is_the_same(world: World) -> None:
    registration = await world.register("A", device="one", user="ann")

    answers = await asyncio.gather(
        *(
            world.store.identity.ensure_member(
                world.account.id, world.application.id, "ann", now=world.now
            )
            for _ in range(5)
        )
    )

    assert {user.id for user, _ in answers} == {registration.user_id}
    assert {member.member_id for _, member in answers} == {registration.member_id}


async def test_users_without_a_name_are_made_anew_each_time(world: World) -> None:
    identity = world.store.identity

    first, _ = await identity.ensure_member(
        world.account.id, world.application.id, None, now=world.now
    )
    second, _ = await identity.ensure_member(
        world.account.id, world.application.id, None, now=world.now
    )

    assert first.id != second.id


async def test_the_end_of_a_session_takes_exactly_its_registrations(world: World) -> None:
    session, other = await world.sign_in("ann"), await world.sign_in("ann")
    first = await world.register("A", device="one", session=session)
    await world.register("B", device="two", session=session)
    kept = [
        await world.register("C", device="three", session=other),
        await world.register("D", device="four", user="ann"),
        await world.register("E", device="five"),
    ]
    await world.store.tags.subscribe(world.application.id, first.id, "news", now=world.now)
    world.clock.advance(1)

    assert await world.store.identity.end_session(session.id, now=world.now)

    assert set(await world.living()) == {row.id for row in kept}
    departed = await world.rows(departed_registrations)
    assert {row.reason for row in departed} == {"session_ended"}
    assert {json.loads(row.snapshot)["device_id"] for row in departed} == {"one", "two"}
    await world.check()


async def test_a_session_ends_once(world: World) -> None:
    session = await world.sign_in("ann")

    assert await world.store.identity.end_session(session.id, now=world.now)

    assert not await world.store.identity.end_session(session.id, now=world.now)
    assert await world.store.identity.sessions(world.application.id, after=None, limit=9) == []


async def test_an_ended_session_registers_nothing_more(world: World) -> None:
    session = await world.sign_in("ann")
    await world.store.identity.end_session(session.id, now=world.now)

    late, other = await asyncio.gather(
        world.register("A", device="one", session=session),
        world.register("B", device="two", user="ann"),
        return_exceptions=True,
    )

    assert isinstance(late, NotAuthenticated)
    assert not isinstance(other, BaseException)
    assert set(await world.living()) == {other.id}


async def test_a_device_handed_to_another_session_survives_the_end_of_the_first(
    world: World,
) -> None:
    first, second = await world.sign_in("ann"), await world.sign_in("bob")
    await world.register("A", device="one", session=first)
    taken = await world.register("A", device="one", session=second)

    await world.store.identity.end_session(first.id, now=world.now)

    assert await world.get(taken) == taken
    assert taken.external_user_id == "bob"


async def test_labels_are_per_registration_and_sorted(world: World) -> None:
    one, two = await world.register_many(2)
    tags = world.store.tags

    for label in ("news", "alarms", "news"):
        assert await tags.subscribe(world.application.id, one.id, label, now=world.now)
    await tags.unsubscribe(world.application.id, one.id, "never had", now=world.now)

    assert await tags.labels_of(world.application.id, one.id) == ["alarms", "news"]
    assert await tags.labels_of(world.application.id, two.id) == []
    await tags.unsubscribe(world.application.id, one.id, "news", now=world.now)
    assert await tags.labels_of(world.application.id, one.id) == ["alarms"]


async def test_what_is_gone_or_foreign_can_not_subscribe(world: World) -> None:
    registration = await world.register("T", device="phone")
    foreign = await new_application(world)
    tags = world.store.tags

    answers = [
        await tags.subscribe(foreign.application.id, registration.id, "news", now=world.now),
        await tags.subscribe(world.application.id, new_id(world.now), "x", now=world.now),
    ]

    assert answers == [Subscribed.NO_REGISTRATION] * 2
    await world.check()


async def test_who_was_deleted_registers_nothing(world: World) -> None:
    user, ann = await world.store.identity.ensure_member(
        world.account.id, world.application.id, None, now=world.now
    )
    await world.store.people.remove(world.account.id, user.id, now=world.now)

    with pytest.raises(NotFound) as caught:
        await world.register("A", user=ann, by_user=True, by_token=True)

    assert caught.value.kind == "user"
    assert await find(world) == []


@pytest.mark.parametrize("name", [None, "ann"])
async def test_nothing_is_left_of_who_is_deleted_while_devices_come(
    world: World, name: str | None
) -> None:
    user, ann = await world.store.identity.ensure_member(
        world.account.id, world.application.id, name, now=world.now
    )
    drafts = [world.draft(f"t{n}", user=ann, by_user=True, by_token=True) for n in range(20)]
    coming = [world.store.registry.register(draft) for draft in drafts]
    gone = world.store.people.remove(world.account.id, user.id, now=world.now)

    answers = await asyncio.gather(*coming[:10], gone, *coming[10:], return_exceptions=True)

    assert answers[10] is True
    assert all(isinstance(each, NotFound) for each in answers if isinstance(each, Exception))
    assert await find(world) == []


async def test_who_comes_by_name_while_that_user_is_deleted_is_there_afterwards(
    world: World,
) -> None:
    user, _ = await world.store.identity.ensure_member(
        world.account.id, world.application.id, "ann", now=world.now
    )
    drafts = [world.draft(f"t{n}", user="ann", by_user=True, by_token=True) for n in range(20)]
    coming = [world.store.registry.register(draft) for draft in drafts]
    gone = world.store.people.remove(world.account.id, user.id, now=world.now)

    await asyncio.gather(*coming[:10], gone, *coming[10:])

    known = {row.id for row in await world.rows(members)}
    assert {row.member_id for row in await find(world)} <= known

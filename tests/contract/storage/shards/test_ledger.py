"""Who works on which shard, on both engines."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.contract.storage.sending import LEASE, accept, claim, commit, notify, read
from tests.contract.storage.world import World, new_application, new_world

from heliograph.core.ids import new_id
from heliograph.core.model.audience import Audience, Everyone, Registrations, Tags, Users
from heliograph.core.model.delivery import BUCKETS, Cursor
from heliograph.core.model.notification import NotificationState, Options
from heliograph.core.model.registration import Slot
from heliograph.core.registrations.slots import bucket_of, slot_hash
from heliograph.storage.tables.tables import shards

if TYPE_CHECKING:
    from tests.conftest import FakeClock

    from heliograph.storage.store import SqlStore

pytestmark = pytest.mark.anyio

LARGE = Registrations(tuple(new_id(datetime(2026, 1, 1, tzinfo=UTC)) for _ in range(1001)))
"""More than a page, whoever they are."""


async def test_a_claimed_shard_comes_with_its_notification_and_a_higher_epoch(
    world: World,
) -> None:
    notification_id = await accept(world)

    [(shard, notification)] = await claim(world)

    assert notification.id == shard.notification_id == notification_id
    assert notification.started_at == world.now
    assert (shard.epoch, shard.cursor) == (1, None)
    assert (shard.first_bucket, shard.last_bucket) == (0, BUCKETS - 1)


async def test_a_leased_shard_is_nobody_elses_until_its_lease_is_over(world: World) -> None:
    shard, _ = await notify(world)

    world.clock.advance(LEASE.total_seconds())
    assert await claim(world, worker="other") == []

    world.clock.advance(0.001)
    [(again, _)] = await claim(world, worker="other")
    assert (again.id, again.epoch) == (shard.id, 2)


async def test_a_renewed_lease_holds_longer(world: World) -> None:
    shard, _ = await notify(world)
    world.clock.advance(50)

    await world.store.ledger.renew([shard], leased_until=world.now + LEASE)

    world.clock.advance(59)
    assert await claim(world) == []


async def test_a_released_shard_is_claimed_at_once(world: World) -> None:
    shard, _ = await notify(world)

    await world.store.ledger.release([shard], now=world.now)

    [(again, _)] = await claim(world)
    assert (again.id, again.epoch) == (shard.id, 2)


async def test_a_renewal_that_arrives_behind_a_return_holds_nothing(world: World) -> None:
    released, _ = await notify(world)
    held, _ = await notify(world)
    await world.store.ledger.release([released], now=world.now)
    await world.store.ledger.hold(held, until=world.now)

    await world.store.ledger.renew([released, held], leased_until=world.now + LEASE)

    assert {shard.id for shard, _ in await claim(world)} == {released.id, held.id}


async def test_a_lost_shard_is_neither_renewed_nor_released_by_its_former_worker(
    world: World,
) -> None:
    former, _ = await notify(world)
    world.clock.advance(61)
    await claim(world)

    await world.store.ledger.release([former], now=world.now)
    await world.store.ledger.renew([former], leased_until=world.now)

    assert await claim(world) == []


async def test_small_sends_are_claimed_ahead_of_broadcasts(world: World) -> None:
    large = [await accept(world, LARGE) for _ in range(2)]
    world.clock.advance(1)
    small = await accept(world, Users(("ann",)))

    assert [shard.notification_id for shard, _ in await claim(world, bulk=0)] == [small]
    claimed = await claim(world)
    assert {shard.notification_id for shard, _ in claimed} == set(large)
    assert not any(shard.is_small for shard, _ in claimed)


@pytest.mark.parametrize("audience", [Everyone(), Tags(("news",))], ids=str)
async def test_an_audience_of_a_page_or_less_is_a_small_send(
    world: World, audience: Audience
) -> None:
    await world.register_many(3)

    shard, _ = await notify(world, audience)

    assert shard.is_small


async def test_the_next_place_goes_to_who_has_the_fewest(world: World) -> None:
    other = await new_application(world)
    mine = [await accept(world, LARGE) for _ in range(2)]
    world.clock.advance(1)
    theirs = await accept(other, LARGE)

    [(first, _)] = await claim(world, limit=1)
    held = [(first.application_id, first.notification_id)]
    [(second, _)] = await claim(world, limit=1, held=held)

    assert first.notification_id in mine
    assert second.notification_id == theirs


async def test_a_shard_that_was_given_back_queues_up_behind_the_others(world: World) -> None:
    first, second = await accept(world, LARGE), await accept(world, LARGE)
    [(claimed, _)] = await claim(world, limit=1)
    world.clock.advance(1)

    await world.store.ledger.release([claimed], now=world.now)

    [(again, _)] = await claim(world, limit=1)
    assert {claimed.notification_id, again.notification_id} == {first, second}


async def test_a_shard_that_is_held_back_is_not_claimed_before_its_time(world: World) -> None:
    shard, _ = await notify(world)

    await world.store.ledger.hold(shard, until=world.now + LEASE)

    assert await claim(world) == []
    world.clock.advance(LEASE.total_seconds())
    [(again, _)] = await claim(world)
    assert again.id == shard.id


async def test_a_notification_with_a_pace_is_one_shard(world: World) -> None:
    await accept(world, LARGE, options=Options(max_per_second=10))

    assert len(await claim(world)) == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
async def test_no_more_shards_are_claimed_than_asked_for(world: World, limit: int) -> None:
    for _ in range(7):
        await accept(world)

    taken: list[bytes] = []
    while claimed := await claim(world, limit=limit):
        assert len(claimed) <= limit
        taken += [shard.id for shard, _ in claimed]

    assert len(taken) == len(set(taken)) == 7


async def test_only_running_notifications_have_work(world: World) -> None:
    for state in NotificationState:
        # What an expired one still has to do is to record that.
        if state not in (NotificationState.RUNNING, NotificationState.EXPIRED):
            await accept(world, state=state)

    assert await claim(world) == []


async def test_a_done_shard_is_not_claimed_again(world: World) -> None:
    claimed = await notify(world)
    assert await commit(world, claimed)
    world.clock.advance(1000)

    assert await claim(world) == []


async def test_an_interrupted_shard_goes_on_behind_its_last_page(world: World) -> None:
    await world.register_many(10)
    claimed = await notify(world)
    page = await read(world, claimed, limit=4)
    assert page.cursor is not None
    assert await commit(world, claimed, page.targets, cursor=page.cursor)
    await world.store.ledger.release([claimed[0]], now=world.now)

    [(shard, notification)] = await claim(world)

    assert shard.cursor == page.cursor
    rest = await read(world, (shard, notification), shard.cursor)
    seen = [target.id for target in (*page.targets, *rest.targets)]
    assert seen == sorted(await world.living(), key=lambda key: (key[-1], key))


async def test_a_commit_of_a_former_epoch_changes_nothing(world: World) -> None:
    [registration] = await world.register_many(1)
    former = await notify(world)
    page = await read(world, former)
    world.clock.advance(61)
    await claim(world, worker="other")
    [before] = await world.rows(shards)

    assert not await commit(world, former, page.targets)

    assert await world.rows(shards) == [before]
    notifications = world.store.notifications
    assert await notifications.deliveries(former[1], after=None, limit=9) == []
    assert await world.get(registration) is not None
    shown = await notifications.notification(world.application.id, former[1].id)
    assert shown is not None
    assert shown.state is NotificationState.RUNNING


async def test_an_empty_audience_completes_with_its_first_page(world: World) -> None:
    claimed = await notify(world, Users(("nobody",)))
    page = await read(world, claimed)

    assert (page.targets, page.cursor) == ([], None)
    assert await commit(world, claimed)

    shown = await world.store.notifications.notification(world.application.id, claimed[1].id)
    assert shown is not None
    assert (shown.state, shown.completed_at) == (NotificationState.COMPLETED, world.now)


async def test_a_listed_audience_goes_on_behind_its_last_page(world: World) -> None:
    made = await world.register_many(5)
    claimed = await notify(world, Registrations(tuple(row.id for row in made)))
    page = await read(world, claimed, limit=2)
    assert page.cursor == Cursor(made[1].bucket, 2, made[1].id)
    assert await commit(world, claimed, page.targets, cursor=page.cursor)
    await world.store.ledger.release([claimed[0]], now=world.now)

    [again] = await claim(world)

    page = await read(world, again, again[0].cursor)
    assert [target.id for target in page.targets] == [row.id for row in made[2:]]


@pytest.fixture
async def postgresql_nodes(two_stores: list[SqlStore], clock: FakeClock) -> list[World]:
    first = await new_world(two_stores[0], clock)
    return [first, World(two_stores[1], clock, first.account, first.application)]


async def test_two_postgresql_nodes_never_claim_one_shard_twice(
    postgresql_nodes: list[World],
) -> None:
    for _ in range(60):
        await accept(postgresql_nodes[0])

    taken: list[bytes] = []
    for _ in range(30):
        answers = await asyncio.gather(
            *(
                claim(node, limit=3, worker=f"worker{n}")
                for n, node in enumerate(postgresql_nodes * 2)
            )
        )
        assert all(len(answer) <= 3 for answer in answers)
        taken += [shard.id for answer in answers for shard, _ in answer]

    assert len(taken) == len(set(taken)) == 60


async def test_two_last_shards_at_once_complete_a_notification_on_postgresql(
    postgresql_nodes: list[World],
) -> None:
    one, other = postgresql_nodes
    await fill_bucket(one, 0, 100)
    for _ in range(20):
        notification_id = await accept(one)
        first, second = await claim(one)
        assert first[1].id == second[1].id == notification_id

        assert await asyncio.gather(commit(one, first), commit(other, second)) == [True, True]

        shown = await one.store.notifications.notification(one.application.id, notification_id)
        assert shown is not None
        assert shown.state is NotificationState.COMPLETED


async def fill_bucket(world: World, bucket: int, count: int) -> None:
    """Register devices whose slots fall into one bucket, as many as a large application has."""
    drafts = []
    number = 0
    while len(drafts) < count:
        number += 1
        slot = slot_hash(
            world.application.id,
            Slot(device_id=f"b{number}"),
            user_id=None,
            provider="fcm",
            token_hash=b"",
        )
        if bucket_of(slot) == bucket:
            drafts.append(world.draft(f"b{number}", device=f"b{number}"))
    await asyncio.gather(*map(world.store.registry.register, drafts))


async def test_notifications_are_listed_newest_first(world: World) -> None:
    made = []
    for _ in range(5):
        world.clock.advance(1)
        made.append(await accept(world))
    store = world.store.notifications

    first = await store.notifications(world.application.id, before=None, limit=3)
    rest = await store.notifications(world.application.id, before=first[-1].id, limit=3)

    assert [shown.id for shown in (*first, *rest)] == made[::-1]

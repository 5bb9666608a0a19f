"""Keys of repeated requests, times to start at, and steps from state to state."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.contract.storage.sending import claim, commit, read_all
from tests.contract.storage.world import World, new_world

from heliograph.core.ids import new_id
from heliograph.core.model.audience import Address, Addresses, Everyone
from heliograph.core.model.delivery import Reservation
from heliograph.core.model.notification import Content, Notification, Options
from heliograph.core.model.notification import NotificationState as State
from heliograph.core.model.registration import ProviderName
from heliograph.core.notifications.idempotency import LIFE, IdempotencyKey, body_hash
from heliograph.core.notifications.states import FINAL, GOALS, ORIGINS, Step
from heliograph.storage.store import open_store
from heliograph.storage.tables.tables import idempotency_keys, notifications, shards

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import FakeClock

    from heliograph.config import Storage
    from heliograph.storage.store import SqlStore

pytestmark = pytest.mark.anyio

KEY = IdempotencyKey("order 4711", body_hash({"a": 1}))
OTHER = replace(KEY, body_hash=body_hash({"a": 2}))


def a_notification(world: World, **fields: Any) -> Notification:
    return Notification(
        **{
            "id": new_id(world.now),
            "application_id": world.application.id,
            "audience": Everyone(),
            "content": Content(body="hi"),
            "options": Options(),
            "state": State.RUNNING,
            "created": world.now,
            "started_at": world.now,
        }
        | fields
    )


def for_later(world: World, seconds: float = 60, **options: Any) -> Notification:
    send_at = world.now + timedelta(seconds=seconds)
    options_ = Options(send_at=send_at, **options)
    return a_notification(world, state=State.SCHEDULED, started_at=None, options=options_)


async def test_a_key_stands_for_the_first_request(world: World) -> None:
    store, first = world.store.notifications, a_notification(world)

    accepted = await store.accept(first, KEY)
    again = await store.accept(a_notification(world), KEY)
    other = await store.accept(a_notification(world), OTHER)

    assert (accepted, again, other) == (first, first, None)
    assert len(await world.rows(notifications)) == 1
    assert len(await world.rows(shards)) == 1


async def test_a_key_stands_for_nothing_after_a_day(world: World, clock: FakeClock) -> None:
    store, application_id = world.store.notifications, world.application.id
    first = a_notification(world)
    await store.accept(first, KEY)
    clock.advance(LIFE.total_seconds() - 1)
    before = await store.remembered(application_id, KEY.value, now=clock.now())
    clock.advance(1)
    after = await store.remembered(application_id, KEY.value, now=clock.now())
    second = a_notification(world)

    accepted = await store.accept(second, OTHER)

    assert before is not None
    assert (before.notification, before.body_hash) == (first, KEY.body_hash)
    assert after is None
    assert accepted == second
    [row] = await world.rows(idempotency_keys)
    assert row.notification_id == second.id


async def test_a_key_is_an_applications_own(store: SqlStore, clock: FakeClock) -> None:
    one, other = await new_world(store, clock), await new_world(store, clock)
    first, second = a_notification(one), a_notification(other)

    await store.notifications.accept(first, KEY)

    assert await store.notifications.accept(second, OTHER) == second


async def test_of_many_requests_with_one_key_one_is_accepted(world: World) -> None:
    store = world.store.notifications

    answers = await asyncio.gather(*(store.accept(a_notification(world), KEY) for _ in range(20)))

    assert len({each.id for each in answers if each is not None}) == 1
    assert None not in answers
    assert len(await world.rows(notifications)) == 1


async def test_of_two_nodes_requests_with_one_key_one_is_accepted(
    two_stores: list[SqlStore], clock: FakeClock
) -> None:
    world = await new_world(two_stores[0], clock)

    answers = await asyncio.gather(
        *(
            two_stores[number % 2].notifications.accept(a_notification(world), KEY)
            for number in range(12)
        )
    )

    assert len({each.id for each in answers if each is not None}) == 1
    assert len(await world.rows(notifications)) == 1


async def test_what_is_scheduled_is_started_at_its_time_and_once(
    world: World, clock: FakeClock
) -> None:
    store = world.store.notifications
    later = for_later(world, seconds=60, ttl_s=100)
    await store.accept(later)
    clock.advance(59.999)
    assert await store.start_due(now=clock.now()) is None
    assert await claim(world) == []
    clock.advance(10)

    started = [await store.start_due(now=clock.now()) for _ in range(2)]

    assert started == [later.id, None]
    [(_, running)] = await claim(world)
    assert (running.state, running.started_at) == (State.RUNNING, clock.now())
    assert running.expires_at == clock.now() + timedelta(seconds=100)


async def test_whoever_registers_before_the_start_is_reached(
    world: World, clock: FakeClock
) -> None:
    store = world.store.notifications
    await store.accept(for_later(world, seconds=60))
    clock.advance(60)
    reached = await world.register("early", device="one")
    await store.start_due(now=clock.now())
    clock.advance(1)
    await world.register("late", device="two")

    [claimed] = await claim(world)

    assert [target.id for target in await read_all(world, claimed)] == [reached.id]


async def test_the_earliest_is_started_first(world: World, clock: FakeClock) -> None:
    store = world.store.notifications
    made = [for_later(world, seconds) for seconds in (30, 10, 20)]
    for each in made:
        await store.accept(each)
    clock.advance(60)

    started = [await store.start_due(now=clock.now()) for _ in range(4)]

    assert started == [made[1].id, made[2].id, made[0].id, None]


async def test_two_nodes_start_each_notification_once(
    two_stores: list[SqlStore], clock: FakeClock
) -> None:
    world = await new_world(two_stores[0], clock)
    made = {(await accepted(world, for_later(world, seconds=1))).id for _ in range(10)}
    clock.advance(1)

    async def start_all(store: SqlStore) -> list[bytes]:
        found = []
        while (one := await store.notifications.start_due(now=clock.now())) is not None:
            found.append(one)
        return found

    first, second = await asyncio.gather(*map(start_all, two_stores))

    assert sorted(first + second) == sorted(made)
    assert len(await world.rows(shards)) == len(made)


async def accepted(world: World, notification: Notification) -> Notification:
    found = await world.store.notifications.accept(notification)
    assert found is not None
    return found


async def test_a_small_send_is_claimed_as_it_is_accepted_and_its_page_read(
    world: World, clock: FakeClock
) -> None:
    registration = await world.register("T", device="phone")
    notification = a_notification(world)
    place = Reservation("here", world.now + timedelta(seconds=30), page_size=10, asked=0.0)

    begun = await world.store.notifications.accept_and_begin(notification, None, place)

    assert begun is not None
    assert begun[0] == notification
    first = begun[1]
    assert first is not None
    assert [target.id for target in first.page.targets] == [registration.id]
    assert first.page == await world.store.ledger.read_page(
        first.shard, notification, None, limit=10, now=world.now
    )
    assert await claim(world) == []
    clock.advance(31)
    [again] = await claim(world)
    assert (again[0].id, again[0].epoch) == (first.shard.id, first.shard.epoch + 1)
    assert not await commit(world, (first.shard, notification), first.page.targets)
    assert await commit(world, again, first.page.targets)


async def test_what_is_not_small_waits_in_the_table(world: World) -> None:
    many = tuple(Address(ProviderName.APNS, f"{number}") for number in range(1001))
    notification = a_notification(world, audience=Addresses(many))
    place = Reservation("here", world.now + timedelta(seconds=30), page_size=10, asked=0.0)

    assert await world.store.notifications.accept_and_begin(notification, None, place) == (
        notification,
        None,
    )
    [(shard, _)] = await claim(world)
    assert not shard.is_small


async def test_a_repeated_small_send_is_not_claimed_twice(world: World) -> None:
    store, first = world.store.notifications, a_notification(world)
    place = Reservation("here", world.now + timedelta(seconds=30), page_size=10, asked=0.0)
    await store.accept_and_begin(first, KEY, place)

    assert await store.accept_and_begin(a_notification(world), KEY, place) == (first, None)
    assert await store.accept_and_begin(a_notification(world), OTHER, place) is None
    assert len(await world.rows(shards)) == 1


async def test_what_is_scheduled_survives_a_restart(
    storage: Storage, folder: Path, clock: FakeClock
) -> None:
    store = await open_store(storage, folder)
    world = await new_world(store, clock)
    later = await accepted(world, for_later(world, seconds=1))
    await store.close()
    clock.advance(1)

    world.store = await open_store(storage, folder)

    assert await world.store.notifications.start_due(now=clock.now()) == later.id
    await world.store.close()


async def test_what_was_canceled_is_not_started(world: World, clock: FakeClock) -> None:
    store = world.store.notifications
    later = await accepted(world, for_later(world, seconds=1))
    await store.step(world.application.id, later.id, Step.CANCEL, now=clock.now())
    clock.advance(1)

    assert await store.start_due(now=clock.now()) is None
    assert await world.rows(shards) == []


@pytest.mark.parametrize("step", [Step.PAUSE, Step.RESUME, Step.CANCEL])
@pytest.mark.parametrize("state", State)
async def test_a_step_is_taken_where_the_rules_allow_it(
    world: World, clock: FakeClock, state: State, step: Step
) -> None:
    made = await accepted(world, a_notification(world, state=state))
    clock.advance(5)

    found = await world.store.notifications.step(
        world.application.id, made.id, step, now=clock.now()
    )

    assert found is not None
    assert found.state is (GOALS[step] if state in ORIGINS[step] else state)
    is_ended_now = state in ORIGINS[step] and GOALS[step] in FINAL
    assert found.completed_at == (clock.now() if is_ended_now else None)


async def test_a_step_of_nothing_finds_nothing(world: World, clock: FakeClock) -> None:
    other = new_id(clock.now())

    assert (
        await world.store.notifications.step(
            world.application.id, other, Step.CANCEL, now=clock.now()
        )
        is None
    )


async def test_what_is_paused_is_not_claimed_until_it_goes_on(world: World) -> None:
    await world.register("T", device="one")
    made = await accepted(world, a_notification(world))
    step = world.store.notifications.step

    await step(world.application.id, made.id, Step.PAUSE, now=world.now)
    while_paused = await claim(world)
    await step(world.application.id, made.id, Step.RESUME, now=world.now)
    [claimed] = await claim(world)

    assert while_paused == []
    assert await commit(world, claimed, await read_all(world, claimed))

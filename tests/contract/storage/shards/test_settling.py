"""How notifications end that were canceled, paused too long, or are old; on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update
from tests.contract.storage.sending import (
    accept,
    claim,
    commit,
    commit_deferred,
    notify,
    read,
    sweep,
    waiting,
)

from heliograph.core.model.audience import Address, Addresses, Registrations, Users
from heliograph.core.model.delivery import DeliveryState
from heliograph.core.model.notification import Counters, NotificationState, Options, Record
from heliograph.core.model.registration import ProviderName
from heliograph.core.stores.store import Retained
from heliograph.storage.tables.tables import (
    audience_members,
    deferred,
    deliveries,
    departed_registrations,
    idempotency_keys,
    notifications,
    recipients,
    shards,
)

if TYPE_CHECKING:
    from tests.contract.storage.world import World

    from heliograph.core.ids import Id

pytestmark = pytest.mark.anyio

NOTHING = Retained(None, None, None)


async def set_state(world: World, notification_id: Id, state: NotificationState) -> None:
    change = update(notifications).where(notifications.c.id == notification_id)
    await world.store._database.write(
        lambda connection: connection.execute(change.values(state=state.value))
    )


async def settle_all(world: World, limit: int = 2) -> None:
    while await world.store.ledger.settle(now=world.now, limit=limit):
        pass


async def state_of(world: World, notification_id: Id) -> NotificationState:
    shown = await world.store.notifications.notification(world.application.id, notification_id)
    assert shown is not None
    return shown.state


async def test_what_waits_of_a_canceled_notification_is_canceled(world: World) -> None:
    await world.register_many(5)
    claimed = await notify(world)
    page = await read(world, claimed)
    await commit_deferred(world, claimed, page.targets)
    await set_state(world, claimed[1].id, NotificationState.CANCELED)

    await settle_all(world)

    assert await world.rows(deferred) == []
    assert await world.store.notifications.counters(claimed[1].id) == Counters(canceled=5)
    rows = await world.rows(deliveries)
    assert {(row.state, row.provider, row.attempts) for row in rows} == {
        (DeliveryState.CANCELED.value, "fcm", 1)
    }
    assert await state_of(world, claimed[1].id) is NotificationState.CANCELED


@pytest.mark.parametrize(("record", "kept"), [(Record.FAILURES, 2), (Record.COUNTERS, 0)])
async def test_what_is_canceled_leaves_the_records_that_were_asked_for(
    world: World, record: Record, kept: int
) -> None:
    await world.register_many(2)
    await accept(world, options=Options(record=record))
    [claimed] = await claim(world)
    page = await read(world, claimed)
    waits = [waiting(world, target) for target in page.targets]
    await commit(world, claimed, deferred=waits, counters=Counters(deferred=2))
    await set_state(world, claimed[1].id, NotificationState.CANCELED)

    await settle_all(world)

    assert await world.rows(deferred) == []
    assert await world.store.notifications.counters(claimed[1].id) == Counters(canceled=2)
    assert len(await world.rows(deliveries)) == kept


async def test_a_canceled_notifications_shards_end_where_nobody_works_on_them(
    world: World,
) -> None:
    claimed = await notify(world)
    await set_state(world, claimed[1].id, NotificationState.CANCELED)

    await settle_all(world)
    [held] = await world.rows(shards)
    assert not held.is_done

    world.clock.advance(61)
    await settle_all(world)
    [ended] = await world.rows(shards)
    assert ended.is_done
    assert not await commit(world, claimed)


async def test_a_retry_in_somebodys_hands_is_left_to_them(world: World) -> None:
    await world.register_many(2)
    claimed = await notify(world)
    page = await read(world, claimed)
    await commit_deferred(world, claimed, page.targets)
    world.clock.advance(11)
    assert await sweep(world) == 1
    [again] = await claim(world)
    due = await read(world, again)
    await set_state(world, claimed[1].id, NotificationState.CANCELED)

    await settle_all(world)
    moved = Counters(accepted=2, deferred=-2)
    assert await commit(world, again, due.targets, counters=moved)
    await settle_all(world)

    assert await world.store.notifications.counters(claimed[1].id) == Counters(accepted=2)
    assert await world.rows(deferred) == []


async def test_what_is_settled_is_not_looked_at_again(world: World) -> None:
    notification_id = await accept(world, state=NotificationState.CANCELED)
    await settle_all(world)

    assert await world.store.ledger.settle(now=world.now, limit=9) == 0
    [row] = await world.rows(notifications)
    assert (row.id, row.is_settled) == (notification_id, True)


async def test_a_pause_past_the_time_to_live_expires(world: World) -> None:
    soon = await accept(world, options=Options(ttl_s=60))
    late = await accept(world, options=Options(ttl_s=61))
    for notification_id in (soon, late):
        await set_state(world, notification_id, NotificationState.PAUSED)
    world.clock.advance(60)

    await settle_all(world)

    assert await state_of(world, soon) is NotificationState.EXPIRED
    assert await state_of(world, late) is NotificationState.PAUSED
    assert [ntf.id for _, ntf in await claim(world)] == [soon]


@pytest.mark.parametrize("state", [NotificationState.PAUSED, NotificationState.CANCELED])
async def test_a_page_of_what_may_not_be_sent_is_empty_and_says_why(
    world: World, state: NotificationState
) -> None:
    await world.register_many(2)
    claimed = await notify(world)
    await set_state(world, claimed[1].id, state)

    page = await read(world, claimed)

    assert (page.targets, page.state) == ([], state)


async def test_a_late_page_expires_its_notification_which_then_stays_expired(
    world: World,
) -> None:
    await world.register_many(2)
    claimed = await notify(world)
    page = await read(world, claimed)

    await commit(world, claimed, page.targets, state=DeliveryState.EXPIRED, is_late=True)

    assert await state_of(world, claimed[1].id) is NotificationState.EXPIRED
    [row] = await world.rows(notifications)
    assert row.completed_ms is not None


async def test_retries_keep_to_the_lane_of_their_notification(world: World) -> None:
    registration = await world.register("T", device="one")
    unknown = [registration._replace(id=bytes(16)).id] * 1000
    large = Registrations((registration.id, *unknown))
    for audience in (large, Registrations((registration.id,))):
        claimed = await notify(world, audience)
        page = await read(world, claimed)
        await commit_deferred(world, claimed, page.targets)
    world.clock.advance(11)

    assert await sweep(world) == 2

    again = {shard.notification_id: shard.is_small for shard, _ in await claim(world)}
    assert again[claimed[1].id]
    assert sorted(again.values()) == [False, True]


async def forget_all(world: World, before: Retained, limit: int = 3) -> int:
    steps = 0
    while gone := await world.store.retention.forget_old(before, limit=limit):
        assert gone <= limit
        steps += 1
    return steps


async def test_old_notifications_go_with_all_that_is_theirs(world: World) -> None:
    await world.register_many(4)
    await world.register("U", device="u", user="ann")
    for audience in (None, Users(("ann",)), Addresses((Address(ProviderName.FCM, "bare"),))):
        claimed = await notify(world, audience)
        page = await read(world, claimed)
        await commit(world, claimed, page.targets)
    world.clock.advance(86_400)
    kept = await accept(world)
    running = await world.rows(notifications)

    steps = await forget_all(world, replace(NOTHING, notifications=world.now - timedelta(hours=1)))

    assert len(running) == 4
    assert steps > 3
    assert [row.id for row in await world.rows(notifications)] == [kept]
    for table in (deliveries, recipients, audience_members):
        assert await world.rows(table) == []
    assert {row.notification_id for row in await world.rows(shards)} == {kept}


async def test_what_still_runs_is_kept_however_old(world: World) -> None:
    await accept(world)
    world.clock.advance(90 * 86_400)

    assert await forget_all(world, replace(NOTHING, notifications=world.now)) == 0


async def test_what_ended_is_kept_for_its_time_however_long_ago_it_was_asked_for(
    world: World,
) -> None:
    await world.register_many(2)
    send_at = world.now + timedelta(days=40)
    options = Options(send_at=send_at)
    late = await accept(world, state=NotificationState.SCHEDULED, options=options)
    world.clock.advance(40 * 86_400)
    assert await world.store.notifications.start_due(now=world.now) == late
    [claimed] = await claim(world)
    page = await read(world, claimed)
    await commit(world, claimed, page.targets)

    before = replace(NOTHING, notifications=world.now)
    assert await forget_all(world, before) == 0
    assert len(await world.rows(deliveries)) == 2

    world.clock.advance(1)
    assert await forget_all(world, replace(NOTHING, notifications=world.now)) > 0
    assert await world.rows(notifications) == []


async def test_what_expired_is_kept_while_its_pages_are_still_recorded(world: World) -> None:
    await world.register_many(3)
    claimed = await notify(world)
    page = await read(world, claimed, limit=2)
    await commit(
        world,
        claimed,
        page.targets,
        cursor=page.cursor,
        state=DeliveryState.EXPIRED,
        is_late=True,
    )
    world.clock.advance(90 * 86_400)

    assert await forget_all(world, replace(NOTHING, notifications=world.now)) == 0


async def test_departed_registrations_are_forgotten_in_time(world: World) -> None:
    for row in await world.register_many(4):
        await world.remove(row)
    world.clock.advance(10)
    late = await world.register("late", device="late")
    await world.remove(late)

    await forget_all(world, replace(NOTHING, departed=world.now))

    assert [row.id for row in await world.rows(departed_registrations)] == [late.id]


async def test_keys_of_repeated_requests_are_forgotten_when_they_are_over(world: World) -> None:
    values = [
        {
            "application_id": world.application.id,
            "key": f"key {number}",
            "body_hash": bytes(32),
            "notification_id": bytes(16),
            "expires_ms": number * 1000,
        }
        for number in range(5)
    ]
    await world.store._database.write(
        lambda connection: connection.execute(idempotency_keys.insert(), values)
    )
    from heliograph.core.clock import from_ms

    await forget_all(world, replace(NOTHING, idempotency_keys=from_ms(3000)))

    assert {row.key for row in await world.rows(idempotency_keys)} == {"key 3", "key 4"}


async def test_nothing_is_forgotten_that_nobody_asked_to(world: World) -> None:
    await world.remove(await world.register("T", device="one"))
    world.clock.advance(90 * 86_400)

    assert await forget_all(world, NOTHING) == 0
    assert len(await world.rows(departed_registrations)) == 1

"""Cancel and pause take effect from the next page, and what they leave behind ends."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update
from tests.unit.delivery.stage import Stage, until

from heliograph.core.model.delivery import DeliveryState
from heliograph.core.model.notification import Counters, NotificationState
from heliograph.core.model.outcome import Deferred
from heliograph.storage.tables.tables import notifications

if TYPE_CHECKING:
    from heliograph.core.model.notification import Notification
    from heliograph.core.ports import Batch

pytestmark = pytest.mark.anyio


async def set_state(stage: Stage, notification: Notification, state: NotificationState) -> None:
    change = update(notifications).where(notifications.c.id == notification.id)
    await stage.store._database.write(
        lambda connection: connection.execute(change.values(state=state.value))
    )


async def test_a_cancel_takes_effect_from_the_next_page(stage: Stage) -> None:
    await stage.phones(60)
    stage.provider.otherwise = Deferred("busy", timedelta(minutes=1))
    broadcast = await stage.notify()

    async def cancel(batch: Batch) -> None:
        await set_state(stage, broadcast, NotificationState.CANCELED)

    stage.provider.before_send = cancel

    async with stage.working() as queue, stage.sweeping(queue):
        await until(lambda: _counted(stage, broadcast, Counters(canceled=20)))

    assert len(stage.provider.batches) == 1
    states = {(each.state, each.attempts) for each in await stage.deliveries(broadcast)}
    assert states == {(DeliveryState.CANCELED, 1)}
    assert await stage.state_of(broadcast) is NotificationState.CANCELED


async def test_a_retry_that_is_canceled_as_it_is_claimed_is_recorded_as_canceled(
    stage: Stage,
) -> None:
    await stage.phones(3)
    stage.provider.otherwise = Deferred("busy", timedelta(minutes=1))
    broadcast = await stage.notify()

    async def cancel() -> None:
        await set_state(stage, broadcast, NotificationState.CANCELED)

    async with stage.working() as queue:
        await until(lambda: _counted(stage, broadcast, Counters(deferred=3)))
        # Between the claim and the page's read.
        stage.ledger.before["read_page"] = cancel
        stage.clock.advance(61)
        async with stage.sweeping(queue):
            await until(lambda: _counted(stage, broadcast, Counters(canceled=3)))

    assert len(stage.provider.batches) == 1
    states = {(each.state, each.attempts) for each in await stage.deliveries(broadcast)}
    assert states == {(DeliveryState.CANCELED, 1)}


async def _counted(stage: Stage, broadcast: Notification, counters: Counters) -> bool:
    return await stage.counters(broadcast) == counters


async def test_a_pause_takes_effect_from_the_next_page_and_ends(stage: Stage) -> None:
    tokens = await stage.phones(60)
    broadcast = await stage.notify()

    async def pause(batch: Batch) -> None:
        stage.provider.before_send = None
        await set_state(stage, broadcast, NotificationState.PAUSED)

    stage.provider.before_send = pause

    async with stage.working() as queue:
        await until(lambda: "release" in stage.ledger.calls)
        assert len(stage.provider.batches) == 1
        await set_state(stage, broadcast, NotificationState.RUNNING)
        queue.wake()
        assert await stage.completes(broadcast) == Counters(accepted=60)

    assert stage.received_once(tokens)


async def test_a_pause_during_the_last_page_lets_it_complete(stage: Stage) -> None:
    await stage.phones(5)
    broadcast = await stage.notify()

    async def pause(batch: Batch) -> None:
        await set_state(stage, broadcast, NotificationState.PAUSED)

    stage.provider.before_send = pause

    async with stage.working():
        assert await stage.completes(broadcast) == Counters(accepted=5)


async def test_a_pause_that_outlasts_the_time_to_live_expires(stage: Stage) -> None:
    await stage.phones(5)
    broadcast = await stage.notify(ttl_s=60)
    await set_state(stage, broadcast, NotificationState.PAUSED)

    async with stage.working() as queue, stage.sweeping(queue):
        stage.clock.advance(60)
        await until(lambda: _counted(stage, broadcast, Counters(expired=5)))

    assert await stage.state_of(broadcast) is NotificationState.EXPIRED
    assert stage.provider.batches == []

"""What a worker does while everything around it works."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.unit.delivery.scripted import APPLICATION
from tests.unit.delivery.stage import Stage, until

from heliograph.core.errors import NotFound
from heliograph.core.model.audience import Address, Addresses, Registrations
from heliograph.core.model.delivery import DeliveryState
from heliograph.core.model.listing import RegistrationFilter
from heliograph.core.model.notification import Counters, NotificationState
from heliograph.core.model.outcome import (
    ACCEPTED,
    Accepted,
    Deferred,
    FaultScope,
    Misconfigured,
    Rejected,
    TokenGone,
)
from heliograph.core.model.registration import ProviderName

if TYPE_CHECKING:
    from heliograph.core.ports import Batch

pytestmark = pytest.mark.anyio

DAY_S = 86_400
BUSY = Deferred("busy")


async def test_a_broadcast_reaches_every_phone_once(stage: Stage) -> None:
    tokens = await stage.phones(130)
    broadcast = await stage.notify()

    async with stage.working():
        counters = await stage.completes(broadcast)

    assert counters == Counters(accepted=130)
    assert stage.received_once(tokens)
    assert max(map(len, stage.provider.tokens)) == 20


async def test_an_audience_that_fills_its_pages_exactly_ends_too(stage: Stage) -> None:
    tokens = await stage.phones(40)
    broadcast = await stage.notify()

    async with stage.working():
        assert await stage.completes(broadcast) == Counters(accepted=40)

    assert stage.received_once(tokens)


async def test_a_broadcast_to_nobody_completes(stage: Stage) -> None:
    broadcast = await stage.notify()

    async with stage.working():
        assert await stage.completes(broadcast) == Counters()


async def test_what_each_phone_came_to_is_recorded(stage: Stage) -> None:
    tokens = await stage.phones(4)
    stage.clock.advance(DAY_S)
    outcomes = [Accepted("theirs"), Rejected("too big"), TokenGone("dead"), BUSY]
    for token, outcome in zip(tokens, outcomes, strict=True):
        stage.provider.script(token, outcome)
    broadcast = await stage.notify()

    async with stage.working():
        await until(lambda: _has_sent(stage, 1))
        await until(lambda: _targets(stage, broadcast, 4))

    states = {each.state: each for each in await stage.deliveries(broadcast)}
    assert await stage.counters(broadcast) == Counters(accepted=1, rejected=1, gone=1, deferred=1)
    assert states[DeliveryState.ACCEPTED].message_id == "theirs"
    assert states[DeliveryState.REJECTED].reason == "too big"
    assert not await stage.is_complete(broadcast)
    living = await stage.store.registry.find(
        APPLICATION.id, RegistrationFilter(), after=None, limit=9
    )
    assert {row.token for row in living} == set(tokens) - {tokens[2]}


def _has_sent(stage: Stage, batches: int) -> bool:
    return len(stage.provider.batches) >= batches


async def _targets(stage: Stage, broadcast, count: int) -> bool:
    return (await stage.counters(broadcast)).targets == count


async def test_a_list_names_registrations_and_addresses(stage: Stage) -> None:
    tokens = await stage.phones(2)
    rows = await stage.store.registry.find(
        APPLICATION.id, RegistrationFilter(), after=None, limit=9
    )
    gone = await stage.store.registry.remove(APPLICATION.id, rows[0].id, now=stage.clock.now())
    assert gone is not None
    listed = await stage.notify(Registrations(tuple(row.id for row in rows)))
    bare = await stage.notify(Addresses((Address(ProviderName.FCM, "bare"),)))

    async with stage.working():
        assert await stage.completes(listed) == Counters(accepted=1, canceled=1)
        assert await stage.completes(bare) == Counters(accepted=1)

    assert stage.received_once([*(set(tokens) - {gone.token}), "bare"])


@pytest.mark.parametrize("pages_in_flight", [1, 2, 4])
async def test_a_broadcast_in_more_shards_than_pages_in_flight_completes_once(
    stage: Stage, pages_in_flight: int
) -> None:
    tokens = [*await stage.phones(160, bucket=0), *await stage.phones(200)]
    most = 0
    now = 0

    async def count(batch: Batch) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1

    stage.provider.before_send = count
    broadcast = await stage.notify()

    async with stage.working(pages_in_flight=pages_in_flight):
        counters = await stage.completes(broadcast)

    assert counters == Counters(accepted=360)
    assert stage.received_once(tokens)
    assert most <= pages_in_flight


async def test_two_workers_share_a_broadcast(stage: Stage) -> None:
    tokens = [*await stage.phones(160, bucket=0), *await stage.phones(100)]
    broadcast = await stage.notify()

    async with stage.working("one", pages_in_flight=1), stage.working("two", pages_in_flight=1):
        counters = await stage.completes(broadcast)

    assert counters == Counters(accepted=260)
    assert stage.received_once(tokens)


async def test_a_deferred_delivery_is_tried_again_when_it_is_due(stage: Stage) -> None:
    (token,) = await stage.phones(1)
    stage.provider.script(token, Deferred("busy"), ACCEPTED)
    broadcast = await stage.notify()

    async with stage.working() as queue, stage.sweeping(queue):
        await until(lambda: _targets(stage, broadcast, 1))
        stage.clock.advance(2)
        counters = await stage.completes(broadcast)

    (delivery,) = await stage.deliveries(broadcast)
    assert counters == Counters(accepted=1)
    assert (delivery.state, delivery.attempts) == (DeliveryState.ACCEPTED, 2)


async def test_a_retry_is_not_made_before_it_is_due(stage: Stage) -> None:
    (token,) = await stage.phones(1)
    stage.provider.script(token, Deferred("busy", retry_after=timedelta(seconds=100)), ACCEPTED)
    broadcast = await stage.notify()

    async with stage.working() as queue, stage.sweeping(queue):
        await until(lambda: _targets(stage, broadcast, 1))
        stage.clock.advance(99)
        swept = stage.ledger.calls.count("sweep")
        await until(lambda: stage.ledger.calls.count("sweep") >= swept + 3)
        assert len(stage.provider.batches) == 1
        stage.clock.advance(1)
        await stage.completes(broadcast)

    assert len(stage.provider.batches) == 2


async def test_a_delivery_is_given_up_after_its_last_attempt(stage: Stage) -> None:
    (token,) = await stage.phones(1)
    stage.provider.script(token, BUSY)
    broadcast = await stage.notify()

    async with stage.working() as queue, stage.sweeping(queue):
        for attempts in (1, 2):
            await until(lambda wanted=attempts: _attempts(stage, broadcast, wanted))
            stage.clock.advance(60)
        counters = await stage.completes(broadcast)

    assert counters == Counters(expired=1)
    assert len(stage.provider.batches) == 3


async def _attempts(stage: Stage, broadcast, count: int) -> bool:
    return [each.attempts for each in await stage.deliveries(broadcast)] == [count]


async def test_a_retry_that_is_over_its_time_expires_without_being_sent(stage: Stage) -> None:
    (token,) = await stage.phones(1)
    stage.provider.script(token, BUSY)
    broadcast = await stage.notify(ttl_s=30)

    async with stage.working() as queue:
        await until(lambda: _targets(stage, broadcast, 1))
        stage.clock.advance(30)
        async with stage.sweeping(queue):
            counters = await stage.completes(broadcast)

    assert counters == Counters(expired=1)
    assert len(stage.provider.batches) == 1


async def test_a_broadcast_whose_time_is_over_before_it_is_read_expires(stage: Stage) -> None:
    await stage.phones(30)
    broadcast = await stage.notify(ttl_s=30)
    stage.clock.advance(31)

    async with stage.working():
        await until(lambda: _is(stage, broadcast, NotificationState.EXPIRED))
        await until(lambda: _targets(stage, broadcast, 30))

    assert await stage.counters(broadcast) == Counters(expired=30)
    assert {each.attempts for each in await stage.deliveries(broadcast)} == {0}
    assert stage.provider.batches == []


async def _is(stage: Stage, broadcast, state: NotificationState) -> bool:
    return await stage.state_of(broadcast) is state


@pytest.mark.parametrize(("outcome", "state"), [(ACCEPTED, "accepted"), (BUSY, "expired")], ids=str)
async def test_a_notification_without_time_to_live_is_sent_once(
    stage: Stage, outcome, state: str
) -> None:
    (token,) = await stage.phones(1)
    stage.provider.script(token, outcome)
    broadcast = await stage.notify(ttl_s=0)
    stage.clock.advance(1)

    async with stage.working() as queue, stage.sweeping(queue):
        counters = await stage.completes(broadcast)

    assert counters == Counters(**{state: 1})
    assert len(stage.provider.batches) == 1


async def test_a_retry_of_a_phone_that_left_is_canceled(stage: Stage) -> None:
    (token,) = await stage.phones(1)
    stage.provider.script(token, BUSY)
    broadcast = await stage.notify()

    async with stage.working() as queue:
        await until(lambda: _targets(stage, broadcast, 1))
        (row,) = await stage.store.registry.find(
            APPLICATION.id, RegistrationFilter(), after=None, limit=9
        )
        await stage.store.registry.remove(APPLICATION.id, row.id, now=stage.clock.now())
        stage.clock.advance(60)
        async with stage.sweeping(queue):
            counters = await stage.completes(broadcast)

    assert counters == Counters(canceled=1)


async def test_an_application_that_is_gone_cancels_what_was_for_it(stage: Stage) -> None:
    await stage.phones(30)
    stage.applications.error = NotFound("application", "app_1")
    broadcast = await stage.notify()

    async with stage.working():
        assert await stage.completes(broadcast) == Counters(canceled=30)

    assert {each.reason for each in await stage.deliveries(broadcast)} == {"application is gone"}
    assert stage.provider.batches == []


async def test_a_delivery_that_we_hold_up_ourselves_outlasts_the_attempts(stage: Stage) -> None:
    (token,) = await stage.phones(1)
    bad = Misconfigured("bad bundle id", FaultScope.TARGET)
    stage.provider.script(token, *[bad] * 5, ACCEPTED)
    broadcast = await stage.notify()

    async with stage.working() as queue, stage.sweeping(queue):
        for attempts in range(1, 6):
            await until(lambda wanted=attempts: _attempts(stage, broadcast, wanted))
            stage.clock.advance(900)
        counters = await stage.completes(broadcast)

    assert counters == Counters(accepted=1)

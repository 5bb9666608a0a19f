"""What a worker does with deliveries that may not go: breakers, states and paces."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.unit.delivery.scripted import APPLICATION, credential
from tests.unit.delivery.stage import Stage, until

from heliograph.core.errors import Unavailable
from heliograph.core.model.audience import Address, Addresses
from heliograph.core.model.breaker import BreakerCause, BreakerKey
from heliograph.core.model.delivery import DeliveryState
from heliograph.core.model.notification import Counters, NotificationState, Record
from heliograph.core.model.outcome import ACCEPTED, Deferred, Misconfigured, TokenGone
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.right_of_way import RightOfWay

if TYPE_CHECKING:
    from heliograph.core.model.breaker import Breaker
    from heliograph.core.model.notification import Notification
    from heliograph.core.ports import Batch

pytestmark = pytest.mark.anyio

KEY = BreakerKey(APPLICATION.id, ProviderName.FCM, Environment.PRODUCTION)
BAD_KEY = Misconfigured("bad key")


async def breaker_of(stage: Stage) -> Breaker | None:
    found = await stage.store.breakers.breakers(APPLICATION.id)
    return found[0] if found else None


async def is_open(stage: Stage) -> bool:
    breaker = await breaker_of(stage)
    return breaker is not None and breaker.is_open


async def test_a_bad_key_holds_the_rest_of_a_broadcast_without_trying_it(stage: Stage) -> None:
    tokens = await stage.phones(100)
    stage.provider.otherwise = BAD_KEY
    broadcast = await stage.notify()

    async with stage.working(pages_in_flight=1) as queue, stage.sweeping(queue):
        await until(lambda: is_open(stage))
        await until(lambda: "hold" in stage.ledger.calls)

        assert len(stage.provider.batches) == 1
        assert await stage.counters(broadcast) == Counters(deferred=20)
        breaker = await breaker_of(stage)
        assert breaker is not None
        assert (breaker.cause, breaker.reason) == (BreakerCause.CREDENTIAL, "bad key")

        stage.provider.otherwise = ACCEPTED
        stage.clock.advance(61)
        counters = await stage.completes(broadcast)

    assert counters == Counters(accepted=100)
    assert stage.received_once(tokens)
    assert not await is_open(stage)
    # The first to go are a few, to see.
    assert len(stage.provider.tokens[1]) == 10


async def test_a_probe_that_fails_keeps_the_breaker_open_for_longer(stage: Stage) -> None:
    await stage.phones(100)
    stage.provider.otherwise = BAD_KEY
    await stage.notify()

    async with stage.working(pages_in_flight=1):
        await until(lambda: is_open(stage))
        first = await breaker_of(stage)
        stage.clock.advance(61)
        await until(lambda: _probes(stage, 1))

    second = await breaker_of(stage)
    assert first is not None
    assert second is not None
    assert second.opened_at == first.opened_at
    assert second.probe_at - second.changed_at == timedelta(minutes=2)
    assert len(stage.provider.tokens[1]) == 10


async def _probes(stage: Stage, count: int) -> bool:
    breaker = await breaker_of(stage)
    return breaker is not None and breaker.probes == count


async def test_a_new_credential_lets_everything_go_at_once(stage: Stage) -> None:
    tokens = await stage.phones(100)
    stage.provider.otherwise = BAD_KEY
    broadcast = await stage.notify()
    is_held = asyncio.Event()

    async def note() -> None:
        is_held.set()

    stage.ledger.after["hold"] = note

    async with stage.working(pages_in_flight=1) as queue, stage.sweeping(queue):
        await is_held.wait()
        stage.provider.otherwise = ACCEPTED
        fresh = credential()
        stage.applications.credentials = (fresh,)
        await stage.store.identity.put_credential(
            APPLICATION.id,
            fresh.id,
            ProviderName.FCM,
            Environment.PRODUCTION,
            b"sealed",
            now=stage.clock.now(),
        )
        # Without a second passing; only what had been tried waits for its own minute.
        await until(lambda: sum(stage.provider.received.values()) == 80)
        stage.clock.advance(61)
        counters = await stage.completes(broadcast)

    assert counters == Counters(accepted=100)
    assert stage.received_once(tokens)
    assert not await is_open(stage)


async def test_a_breaker_outlives_its_worker(stage: Stage) -> None:
    await stage.phones(100)
    stage.provider.otherwise = BAD_KEY
    await stage.notify()
    async with stage.working(pages_in_flight=1):
        await until(lambda: is_open(stage))

    async with stage.working("another"):
        held = stage.ledger.calls.count("hold")
        stage.clock.advance(20)
        await until(lambda: stage.ledger.calls.count("hold") > held)

    assert len(stage.provider.batches) == 1


@pytest.mark.parametrize(
    "lacking",
    [Unavailable("sealing key"), None],
    ids=["it can't be opened", "there is none"],
)
async def test_without_a_credential_deliveries_wait_until_there_is_one(
    stage: Stage, lacking: Exception | None
) -> None:
    tokens = await stage.phones(30)
    given = stage.applications.credentials
    stage.applications.lacking, stage.applications.credentials = lacking, ()
    broadcast = await stage.notify()

    async with stage.working():
        await until(lambda: is_open(stage))
        breaker = await breaker_of(stage)
        assert breaker is not None
        reason = "sealing key is not at hand" if lacking else "no fcm credential for production"
        assert breaker.reason == reason
        assert await stage.counters(broadcast) == Counters()

        stage.applications.lacking, stage.applications.credentials = None, given
        stage.clock.advance(20)
        counters = await stage.completes(broadcast)

    assert counters == Counters(accepted=30)
    assert stage.received_once(tokens)


async def test_what_is_held_past_its_time_expires_unsent(stage: Stage) -> None:
    await stage.phones(5)
    stage.applications.credentials = ()
    broadcast = await stage.notify(ttl_s=10)

    async with stage.working():
        await until(lambda: is_open(stage))
        stage.clock.advance(10)
        await until(lambda: _state_is(stage, broadcast, NotificationState.EXPIRED))

    assert await stage.counters(broadcast) == Counters(expired=5)
    assert {each.attempts for each in await stage.deliveries(broadcast)} == {0}


async def _state_is(stage: Stage, broadcast: Notification, state: NotificationState) -> bool:
    return await stage.state_of(broadcast) is state


async def test_what_is_for_now_or_never_does_not_wait_for_a_breaker(stage: Stage) -> None:
    await stage.phones(5)
    stage.applications.credentials = ()
    broadcast = await stage.notify(ttl_s=0)

    async with stage.working():
        assert await stage.completes(broadcast) == Counters(expired=5)


async def test_many_doubtful_answers_open_the_breaker_and_prune_nobody(stage: Stage) -> None:
    await stage.phones(100)
    stage.clock.advance(86_400)
    stage.provider.otherwise = TokenGone("BadDeviceToken", is_ambiguous=True)
    broadcast = await stage.notify()

    async with stage.working(pages_in_flight=1, page_size=100):
        await until(lambda: is_open(stage))

    breaker = await breaker_of(stage)
    assert breaker is not None
    assert breaker.cause is BreakerCause.AMBIGUITY
    assert await stage.counters(broadcast) == Counters(deferred=100)


async def test_an_outage_opens_the_breaker_for_as_long_as_the_provider_asks(stage: Stage) -> None:
    await stage.phones(100)
    stage.provider.otherwise = Deferred("503", timedelta(minutes=15))
    await stage.notify()

    async with stage.working(pages_in_flight=1):
        await until(lambda: is_open(stage))

    breaker = await breaker_of(stage)
    assert breaker is not None
    assert breaker.cause is BreakerCause.OUTAGE
    assert breaker.probe_at - breaker.changed_at == timedelta(minutes=15)
    assert len(stage.provider.batches) == 1


async def test_a_small_send_overtakes_a_broadcast_that_has_every_other_place(
    stage: Stage,
) -> None:
    await stage.phones(1001)
    codes = [f"code {number}" for number in range(3)]
    broadcast = await stage.notify()
    sent: list[Notification] = []

    async def hurry(batch: Batch) -> None:
        if batch.notification_id == broadcast.id and not sent:
            sent.extend([await stage.notify(_addresses(code), ttl_s=60) for code in codes])
        if batch.notification_id == broadcast.id:
            await until(lambda: all(stage.provider.received[code] for code in codes))

    stage.provider.before_send = hurry

    async with stage.working(page_size=500, pages_in_flight=4):
        await stage.completes(broadcast)

    assert len(sent) == 3


async def test_a_broadcast_begins_no_page_while_a_small_send_has_the_right_of_way(
    stage: Stage,
) -> None:
    await stage.phones(1001)
    way = RightOfWay(stage.clock.monotonic)
    way.take_turn()
    way.ask()
    broadcast = await stage.notify()
    code = await stage.notify(_addresses("code"), ttl_s=60)

    async with stage.working(page_size=500, way=way):
        assert await stage.completes(code) == Counters(accepted=1)
        # Both were claimed together, and only the code's page was read.
        assert stage.ledger.calls.count("read_page") == 1
        assert await stage.counters(broadcast) == Counters()

        way.passed()
        assert await stage.completes(broadcast) == Counters(accepted=1001)


def _addresses(token: str) -> Addresses:
    return Addresses((Address(ProviderName.FCM, token),))


async def test_a_pace_is_kept_and_nothing_is_lost(stage: Stage) -> None:
    tokens = await stage.phones(30)
    broadcast = await stage.notify(max_per_second=100)

    async with stage.working():
        await until(lambda: len(stage.provider.batches) == 1)
        for _ in range(2):
            batches = len(stage.provider.batches)
            stage.clock.advance(1)
            await until(lambda before=batches: len(stage.provider.batches) > before)
        assert await stage.completes(broadcast) == Counters(accepted=30)

    assert stage.received_once(tokens)
    assert max(map(len, stage.provider.tokens)) <= 10


async def test_a_pace_without_time_to_live_loses_nothing_either(stage: Stage) -> None:
    tokens = await stage.phones(30)
    broadcast = await stage.notify(max_per_second=100, ttl_s=0)

    async with stage.working():
        for waits in (1, 2):
            await until(lambda times=waits: stage.ledger.calls.count("hold") >= times)
            stage.clock.advance(1)
        assert await stage.completes(broadcast) == Counters(accepted=30)

    assert stage.received_once(tokens)
    assert max(map(len, stage.provider.tokens)) <= 10


@pytest.mark.parametrize(
    ("record", "kept"),
    [(Record.ALL, 2), (Record.FAILURES, 1), (Record.COUNTERS, 0)],
)
async def test_counters_are_kept_whatever_is_recorded(
    stage: Stage, record: Record, kept: int
) -> None:
    tokens = await stage.phones(2)
    stage.provider.script(tokens[0], TokenGone("dead"))
    broadcast = await stage.notify(record=record)

    async with stage.working():
        assert await stage.completes(broadcast) == Counters(accepted=1, gone=1)

    assert len(await stage.deliveries(broadcast)) == kept


async def test_a_failure_that_was_recorded_tells_how_it_ended(stage: Stage) -> None:
    (token,) = await stage.phones(1)
    stage.provider.script(token, Deferred("busy"), ACCEPTED)
    broadcast = await stage.notify(record=Record.FAILURES)

    async with stage.working() as queue, stage.sweeping(queue):
        await until(lambda: _counted(stage, broadcast, Counters(deferred=1)))
        stage.clock.advance(2)
        await stage.completes(broadcast)

    (delivery,) = await stage.deliveries(broadcast)
    assert delivery.state is DeliveryState.ACCEPTED


async def test_an_application_keeps_to_its_own_pace(stage: Stage) -> None:
    tokens = await stage.phones(30)
    broadcast = await stage.notify()

    async with stage.working(application_per_second=100.0):
        while not await stage.is_complete(broadcast):
            batches = len(stage.provider.batches)
            stage.clock.advance(1)
            await until(lambda before=batches: len(stage.provider.batches) > before)
            await until(lambda: _settled(stage, broadcast))

    assert stage.received_once(tokens)
    assert max(map(len, stage.provider.tokens)) <= 10


async def _counted(stage: Stage, broadcast: Notification, counters: Counters) -> bool:
    return await stage.counters(broadcast) == counters


async def _settled(stage: Stage, broadcast: Notification) -> bool:
    """Whether what was sent is counted."""
    return (await stage.counters(broadcast)).accepted == sum(stage.provider.received.values())

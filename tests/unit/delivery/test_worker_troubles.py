"""What a worker does when it is frozen, robbed, stopped, or let down."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.delivery.stage import SETTINGS, Stage, until

from heliograph.core.errors import Unavailable
from heliograph.core.model.notification import Counters
from heliograph.delivery.patience import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from heliograph.core.ports import Batch

pytestmark = pytest.mark.anyio

LEASE_S = SETTINGS.lease_s

BRIEFLY = {"grace_s": 0.2, "release_s": 0.2}
"""Pages that hang are cut off after this long; a server waits for seconds."""

Logs = list[dict[str, Any]]


def events(logs: Logs) -> list[str]:
    return [line["event"] for line in logs]


def once(act: Callable[[], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Act at the first call only."""
    acted = False

    async def call(*_: object) -> None:
        nonlocal acted
        if not acted:
            acted = True
            await act()

    return call


class Gate:
    """Holds up whoever comes, until it is opened."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self, *_: object) -> None:
        self.arrived.set()
        await self.opened.wait()


@pytest.mark.parametrize("where", ["claim", "read_page"])
async def test_a_worker_frozen_past_its_lease_sends_nothing(
    stage: Stage, logs: Logs, where: str
) -> None:
    tokens = await stage.phones(30)
    broadcast = await stage.notify()

    async def freeze() -> None:
        stage.clock.advance(LEASE_S + 1)

    stage.ledger.after[where] = once(freeze)

    async with stage.working():
        await until(lambda: "lease_lost" in events(logs))
        counters = await stage.completes(broadcast)

    assert counters == Counters(accepted=30)
    assert stage.received_once(tokens)


async def test_a_worker_does_not_mistake_its_next_claim_for_its_last(
    stage: Stage, logs: Logs
) -> None:
    tokens = await stage.phones(30)
    broadcast = await stage.notify()
    gate = Gate()
    stage.ledger.after["read_page"] = once(gate)

    async with stage.working():
        await gate.arrived.wait()
        stage.clock.advance(LEASE_S + 1)
        # The same worker claims the shard again, while its first claim still reads.
        await until(lambda: stage.ledger.calls.count("read_page") > 1)
        gate.opened.set()
        counters = await stage.completes(broadcast)

    assert counters == Counters(accepted=30)
    assert stage.received_once(tokens)
    assert events(logs).count("lease_lost") == 1


async def test_a_worker_whose_shard_was_taken_changes_nothing(stage: Stage, logs: Logs) -> None:
    await stage.phones(30)
    broadcast = await stage.notify()
    gate = Gate()
    stage.provider.before_send = once(gate)

    async with stage.working("frozen", pages_in_flight=1):
        await gate.arrived.wait()
        stage.clock.advance(LEASE_S + 1)
        async with stage.working("thief"):
            counters = await stage.completes(broadcast)
        before = await stage.deliveries(broadcast)
        gate.opened.set()
        await until(lambda: "epoch_lost" in events(logs))

    assert counters == await stage.counters(broadcast) == Counters(accepted=30)
    assert before == await stage.deliveries(broadcast)
    # The page in flight is the one that was repeated.
    assert sum(count - 1 for count in stage.provider.received.values()) == 20


@pytest.mark.parametrize("call", ["claim", "read_page", "commit_page", "release"])
async def test_a_database_that_is_away_for_a_moment_costs_nobody_anything(
    stage: Stage, logs: Logs, call: str
) -> None:
    tokens = await stage.phones(30)
    broadcast = await stage.notify()

    async def be_away() -> None:
        raise Unavailable("database")

    stage.ledger.before[call] = once(be_away)

    async with stage.working():
        counters = await stage.completes(broadcast)

    assert counters == Counters(accepted=30)
    assert stage.received_once(tokens)
    assert events(logs) == ([] if call == "release" else ["store_unavailable"])


async def test_a_database_that_stays_away_is_asked_at_a_bounded_pace(stage: Stage) -> None:
    await stage.phones(5)
    await stage.notify()

    async def be_away() -> None:
        raise Unavailable("database")

    stage.ledger.before["commit_page"] = be_away

    async with stage.working(pages_in_flight=1, waits={"pause_s": PATIENCE_S}) as queue:
        await until(lambda: "commit_page" in stage.ledger.calls)
        for _ in range(50):  # new work is accepted all the while
            queue.wake()
            await asyncio.sleep(0.001)
        asked = stage.ledger.calls.count("commit_page")

    assert asked <= 2


async def test_a_database_that_is_away_when_reading_credentials_leaves_the_page_to_later(
    stage: Stage, logs: Logs
) -> None:
    tokens = await stage.phones(5)
    broadcast = await stage.notify()
    stage.applications.error = Unavailable("database")

    async with stage.working():
        await until(lambda: "shard_interrupted" in events(logs))
        stage.applications.error = None
        stage.clock.advance(LEASE_S + 1)
        counters = await stage.completes(broadcast)

    assert counters == Counters(accepted=5)
    assert stage.received_once(tokens)


async def test_a_worker_outlives_a_claim_that_fails_unexpectedly(stage: Stage, logs: Logs) -> None:
    tokens = await stage.phones(5)
    broadcast = await stage.notify()

    async def break_down() -> None:
        raise RuntimeError("a secret token")

    stage.ledger.before["claim"] = once(break_down)

    async with stage.working():
        await stage.completes(broadcast)

    assert stage.received_once(tokens)
    assert events(logs) == ["claim_failed"]
    assert "secret" not in str(logs)


async def test_a_bug_in_a_provider_stops_neither_the_worker_nor_the_others(
    stage: Stage, logs: Logs
) -> None:
    tokens = await stage.phones(30)
    first = await stage.notify()

    async def break_down() -> None:
        raise RuntimeError(f"a bug, with {tokens[0]} and a secret text")

    stage.provider.before_send = once(break_down)

    async with stage.working(pages_in_flight=1):
        await until(lambda: "shard_failed" in events(logs))
        second = await stage.notify()
        await stage.completes(second)
        assert not await stage.is_complete(first)
        # It is not taken again before its lease is over: a bug has a bounded pace.
        assert len(stage.provider.batches) == 1 + 2
        stage.clock.advance(LEASE_S + 1)
        await stage.completes(first)

    assert set(stage.provider.received.values()) == {2}
    assert "RuntimeError" in str(logs)
    assert "token of" not in str(logs)
    assert "secret" not in str(logs)


async def test_a_provider_that_answers_too_little_is_a_bug_like_any_other(
    stage: Stage, logs: Logs
) -> None:
    await stage.phones(5)
    broadcast = await stage.notify()

    async def forget(batch: Batch) -> None:
        batch.targets.clear()

    stage.provider.before_send = forget

    async with stage.working():
        await until(lambda: "shard_failed" in events(logs))

    assert await stage.counters(broadcast) == Counters()


async def test_a_worker_that_stops_finishes_its_page_and_gives_the_shard_back(
    stage: Stage,
) -> None:
    tokens = await stage.phones(130)
    broadcast = await stage.notify()
    gate = Gate()
    stage.provider.before_send = once(gate)

    worker, _ = stage.worker("first")
    running = asyncio.create_task(worker.run())
    await gate.arrived.wait()
    worker.stop()
    gate.opened.set()
    await running

    assert await stage.counters(broadcast) == Counters(accepted=20)
    async with stage.working("second"):
        assert await stage.completes(broadcast) == Counters(accepted=130)
    assert stage.received_once(tokens)
    assert len(stage.provider.batches) == 7


@pytest.mark.parametrize("pages_in_flight", [1, 4])
async def test_a_worker_that_stops_cuts_off_a_page_that_hangs_and_gives_the_shard_back(
    stage: Stage, pages_in_flight: int
) -> None:
    tokens = await stage.phones(30)
    broadcast = await stage.notify()
    gate = Gate()
    stage.provider.before_send = once(gate)

    worker, _ = stage.worker("first", waits=BRIEFLY, pages_in_flight=pages_in_flight)
    running = asyncio.create_task(worker.run())
    await gate.arrived.wait()
    worker.stop()
    async with asyncio.timeout(8):
        await running

    async with stage.working("second"):
        assert await stage.completes(broadcast) == Counters(accepted=30)
    assert stage.received_once(tokens)


async def test_a_worker_that_stops_gives_up_on_a_database_that_is_away(
    stage: Stage, logs: Logs
) -> None:
    await stage.phones(5)
    await stage.notify()

    async def be_away() -> None:
        raise Unavailable("database")

    stage.ledger.before |= {"commit_page": be_away, "release": be_away}

    worker, _ = stage.worker()
    running = asyncio.create_task(worker.run())
    await until(lambda: "commit_page" in stage.ledger.calls)
    worker.stop()
    async with asyncio.timeout(8):
        await running

    assert events(logs)[-1] == "shard_interrupted"


async def test_a_worker_that_stops_does_not_wait_for_a_release_that_hangs(stage: Stage) -> None:
    await stage.phones(30)
    await stage.notify()
    gate = Gate()
    stage.provider.before_send = gate
    stage.ledger.before["release"] = gate

    worker, _ = stage.worker(waits=BRIEFLY)
    running = asyncio.create_task(worker.run())
    await gate.arrived.wait()
    worker.stop()

    async with asyncio.timeout(9):
        await running


async def test_a_worker_that_was_stopped_before_it_began_claims_nothing(stage: Stage) -> None:
    worker, _ = stage.worker()
    worker.stop()

    await worker.run()

    assert stage.ledger.calls == []


async def test_a_shard_that_is_worked_on_keeps_its_lease(stage: Stage, logs: Logs) -> None:
    tokens = await stage.phones(5)
    broadcast = await stage.notify()
    gate = Gate()
    stage.provider.before_send = gate

    async with stage.working(lease_s=0.3):
        await gate.arrived.wait()
        for _ in range(3):  # each time less than a lease, together more than two
            stage.clock.advance(0.24)
            renewed = stage.ledger.calls.count("renew")
            await until(lambda before=renewed: stage.ledger.calls.count("renew") >= before + 2)
        async with stage.working("thief"):
            gate.opened.set()
            await stage.completes(broadcast)

    assert stage.received_once(tokens)
    assert events(logs) == []


@pytest.mark.parametrize(
    ("error", "logged"), [(Unavailable("database"), []), (RuntimeError(), ["renewal_failed"])]
)
async def test_a_renewal_that_fails_is_followed_by_another(
    stage: Stage, logs: Logs, error: Exception, logged: list[str]
) -> None:
    await stage.phones(5)
    broadcast = await stage.notify()
    gate = Gate()
    stage.provider.before_send = gate

    async def fail() -> None:
        raise error

    stage.ledger.before["renew"] = once(fail)

    async with stage.working(lease_s=0.24):
        await until(lambda: stage.ledger.calls.count("renew") >= 3)
        gate.opened.set()
        await stage.completes(broadcast)

    assert events(logs) == logged


async def test_a_shard_that_ends_during_a_renewal_is_not_held_again(stage: Stage) -> None:
    tokens = await stage.phones(5)
    broadcast = await stage.notify()
    sending, renewing = Gate(), Gate()
    stage.provider.before_send = once(sending)
    stage.ledger.before["renew"] = once(renewing)

    async with stage.working(lease_s=0.24):
        await renewing.arrived.wait()
        sending.opened.set()
        await stage.completes(broadcast)
        renewing.opened.set()
        await until(lambda: stage.ledger.calls.count("renew") >= 2)

    assert stage.received_once(tokens)

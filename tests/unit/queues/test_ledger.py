from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.delivery.scripted import shard

from heliograph.core.turns import Room
from heliograph.queues.ledger import LedgerQueue

if TYPE_CHECKING:
    from tests.conftest import FakeClock

pytestmark = pytest.mark.anyio

FOREVER_S = 3600
ROOM = Room(3, 2)


class RecordingLedger:
    """Notes what it was asked for."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        async def call(*given: Any, **named: Any) -> list[Any]:
            self.calls.append((name, given, named))
            return []

        return call


@pytest.fixture
def ledger() -> RecordingLedger:
    return RecordingLedger()


@pytest.fixture
def queue(ledger: RecordingLedger, clock: FakeClock) -> LedgerQueue:
    return LedgerQueue(ledger, clock, worker="me", lease_s=60)


async def test_a_claim_asks_for_shards_that_are_due_and_leases_them(
    queue: LedgerQueue, ledger: RecordingLedger, clock: FakeClock
) -> None:
    await queue.claim(ROOM)

    named = {"leased_until": clock.now() + timedelta(minutes=1), "now": clock.now()}
    assert ledger.calls == [("claim", ("me", ROOM), named)]


async def test_leases_are_renewed_from_now_and_given_back(
    queue: LedgerQueue, ledger: RecordingLedger, clock: FakeClock
) -> None:
    held = [shard()]

    await queue.renew(held)
    await queue.release(held)

    assert ledger.calls == [
        ("renew", (held,), {"leased_until": clock.now() + timedelta(minutes=1)}),
        ("release", (held,), {"now": clock.now()}),
    ]


async def test_a_shard_that_is_held_back_says_until_when_and_why(
    queue: LedgerQueue, ledger: RecordingLedger, clock: FakeClock
) -> None:
    held, until = shard(), clock.now() + timedelta(minutes=5)

    await queue.hold(held, until=until)

    assert ledger.calls == [("hold", (held,), {"until": until, "breakers": ()})]


async def test_nobody_waits_longer_than_asked(queue: LedgerQueue) -> None:
    await queue.wait(0.001)


async def test_new_work_wakes_who_waits(queue: LedgerQueue) -> None:
    waiting = asyncio.create_task(queue.wait(FOREVER_S))
    await asyncio.sleep(0)

    queue.wake()

    await asyncio.wait_for(waiting, 5)


async def test_work_that_came_before_the_wait_is_not_missed(queue: LedgerQueue) -> None:
    await queue.claim(ROOM)
    queue.wake()

    await asyncio.wait_for(queue.wait(FOREVER_S), 5)


async def test_a_claim_has_seen_the_work_that_came_before_it(queue: LedgerQueue) -> None:
    queue.wake()

    await queue.claim(ROOM)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.wait(FOREVER_S), 0.01)

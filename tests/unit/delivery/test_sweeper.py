from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from tests.unit.delivery.stage import until

from heliograph.core.errors import Unavailable
from heliograph.delivery.sweeper import LIMIT, SETTLED_AT_ONCE, Sweeper

if TYPE_CHECKING:
    from datetime import datetime

    from tests.conftest import FakeClock

pytestmark = pytest.mark.anyio


class ScriptedSweeps:
    """A ledger and a queue in one: answers sweeps in turn, counts the wake-ups."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.sweeps = 0
        self.settled: list[int] = []
        self.woken = 0

    async def sweep(self, *, now: datetime, limit: int) -> int:
        assert limit == LIMIT
        self.sweeps += 1
        answer = self.answers.pop(0) if self.answers else 0
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def settle(self, *, now: datetime, limit: int) -> int:
        assert limit == SETTLED_AT_ONCE
        return self.settled.pop(0) if self.settled else 0

    def wake(self) -> None:
        self.woken += 1


async def sweep(scripted: ScriptedSweeps, clock: FakeClock, *, times: int) -> list[str]:
    sweeper = Sweeper(scripted, scripted, clock, every_s=0.001)
    with capture_logs() as logs:
        task = asyncio.create_task(sweeper.run())
        await until(lambda: scripted.sweeps >= times)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return [line["event"] for line in logs]


async def test_a_sweep_that_finds_nothing_wakes_nobody(clock: FakeClock) -> None:
    scripted = ScriptedSweeps()

    logs = await sweep(scripted, clock, times=3)

    assert (scripted.woken, logs) == (0, [])


async def test_retries_that_are_due_wake_the_worker(clock: FakeClock) -> None:
    scripted = ScriptedSweeps(1, 0, 2)

    await sweep(scripted, clock, times=4)

    assert scripted.woken == 2


async def test_what_was_canceled_is_settled_step_by_step(clock: FakeClock) -> None:
    scripted = ScriptedSweeps()
    scripted.settled = [250, 250, 3]

    await sweep(scripted, clock, times=2)

    assert (scripted.woken, scripted.settled) == (3, [])


async def test_a_sweeper_sweeps_on_at_once_while_retries_are_due(clock: FakeClock) -> None:
    scripted = ScriptedSweeps(*[1] * 50)
    sweeper = Sweeper(scripted, scripted, clock, every_s=0.2)

    task = asyncio.create_task(sweeper.run())
    await until(lambda: scripted.sweeps > 0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert scripted.sweeps == 51


@pytest.mark.parametrize(
    ("error", "event"),
    [(Unavailable("database"), "store_unavailable"), (RuntimeError("a bug"), "sweep_failed")],
    ids=str,
)
async def test_a_sweep_that_fails_is_followed_by_another(
    clock: FakeClock, error: Exception, event: str
) -> None:
    scripted = ScriptedSweeps(error, 1)

    logs = await sweep(scripted, clock, times=3)

    assert scripted.woken == 1
    assert logs == [event]

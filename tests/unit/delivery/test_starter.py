import asyncio

import pytest
from structlog.testing import capture_logs

from heliograph.core.errors import Unavailable
from heliograph.core.ids import new_id
from heliograph.delivery.starter import Starter

pytestmark = pytest.mark.anyio


class Due:
    """Answers what the test put into it, call by call; then that nothing is due."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = asyncio.Event()

    async def start_due(self, *, now):
        if not self.answers:
            self.asked.set()
            return None
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Bell:
    """A queue that counts how often it is woken."""

    rung = 0

    def wake(self):
        self.rung += 1


def a_starter(store, bell, clock):
    return Starter(store, bell, clock, every_s=0.001)


async def test_all_that_is_due_is_started_and_the_engine_woken(clock):
    bell = Bell()
    due = Due(new_id(clock.now()), new_id(clock.now()))

    assert await a_starter(due, bell, clock).start_due() == 2
    assert bell.rung == 2


async def test_nothing_due_wakes_nobody(clock):
    bell = Bell()

    assert await a_starter(Due(), bell, clock).start_due() == 0
    assert bell.rung == 0


@pytest.mark.parametrize(
    ("error", "event"),
    [(Unavailable("database"), "store_unavailable"), (ValueError("a secret"), "start_failed")],
)
async def test_a_failure_is_logged_and_the_next_one_started(clock, error, event):
    bell = Bell()
    due = Due(error, new_id(clock.now()))

    with capture_logs() as logs:
        running = asyncio.create_task(a_starter(due, bell, clock).run())
        async with asyncio.timeout(5):
            await due.asked.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert [entry["event"] for entry in logs] == [event]
    assert "a secret" not in str(logs)
    assert bell.rung == 1

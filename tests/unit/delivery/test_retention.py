from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from tests.unit.delivery.stage import until

from heliograph.config import Retention as Settings
from heliograph.core.errors import Unavailable
from heliograph.core.ids import new_id
from heliograph.core.stores.store import Retained
from heliograph.delivery.retention import Retention

if TYPE_CHECKING:
    from datetime import datetime

    from tests.conftest import FakeClock

    from heliograph.core.ids import Id

pytestmark = pytest.mark.anyio

SETTINGS = Settings(departed_days=1, notifications_days=2, sessions_days=3, every_s=0.001, rows=7)


class ScriptedStore:
    """Answers how many rows went, in turn, or raises."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[Retained] = []
        self.sessions: list[Id | None] = []
        self.walks: list[tuple[datetime, Id | None]] = []

    async def forget_old(self, before: Retained, *, limit: int) -> int:
        assert limit == SETTINGS.rows
        self.asked.append(before)
        answer = self.answers.pop(0) if self.answers else 0
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def forget_sessions(
        self, over_before: datetime, *, after: Id | None, limit: int
    ) -> Id | None:
        assert limit == SETTINGS.rows
        self.walks.append((over_before, after))
        return self.sessions.pop(0) if self.sessions else None


async def forget(store: ScriptedStore, clock: FakeClock, *, times: int) -> list[str]:
    with capture_logs() as logs:
        task = asyncio.create_task(Retention(store, clock, SETTINGS).run())
        await until(lambda: len(store.asked) >= times)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return [line["event"] for line in logs]


async def test_what_is_too_old_is_forgotten_step_by_step(clock: FakeClock) -> None:
    store = ScriptedStore(7, 7, 2, 0)

    assert await forget(store, clock, times=4) == []

    now = clock.now()
    assert store.asked[0] == Retained(
        now - timedelta(days=1), now - timedelta(days=2), now, now - timedelta(days=7)
    )


async def test_sessions_are_walked_through_once_a_day(clock: FakeClock) -> None:
    store, first = ScriptedStore(), clock.now() - timedelta(days=3)
    one, two = new_id(clock.now()), new_id(clock.now())
    store.sessions = [one, two]
    task = asyncio.create_task(Retention(store, clock, SETTINGS).run())
    await until(lambda: len(store.walks) == 3)
    rounds = len(store.asked)
    await until(lambda: len(store.asked) > rounds + 2)

    clock.advance(86_400)

    await until(lambda: len(store.walks) == 4)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert store.walks[:3] == [(first, None), (first, one), (first, two)]
    assert store.walks[3] == (first + timedelta(days=1), None)


@pytest.mark.parametrize(
    ("error", "event"),
    [(Unavailable("database"), "store_unavailable"), (RuntimeError("bug"), "retention_failed")],
    ids=str,
)
async def test_a_round_that_fails_is_followed_by_another(
    clock: FakeClock, error: Exception, event: str
) -> None:
    store = ScriptedStore(error, 1)

    assert await forget(store, clock, times=3) == [event]

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from heliograph.core.errors import Conflict, CoreError, Unavailable
from heliograph.storage.database.group_commit import (
    MOST_TURNS,
    QUIET_TURNS,
    WORTH,
    GroupCommit,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio


class FakeTable:
    """Takes batches of numbers; holds each one back until it is let through."""

    def __init__(self) -> None:
        self.attempts: list[list[int]] = []
        self.written: list[int] = []
        self.poison: set[int] = set()
        self.refused: set[int] = set()
        self.is_away = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, batch: Sequence[int]) -> Sequence[str | CoreError]:
        self.attempts.append(list(batch))
        await self.gate.wait()
        if self.is_away:
            raise Unavailable("database")
        if self.poison & set(batch):
            raise ValueError("a row that no table takes")
        self.written += batch
        return [Conflict("number", str(n)) if n in self.refused else f"wrote {n}" for n in batch]


@pytest.fixture
async def table() -> FakeTable:
    return FakeTable()


async def turns(count: int = QUIET_TURNS + 5) -> None:
    """Let every other task run."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_an_answer_comes_only_after_the_commit(table: FakeTable) -> None:
    commits = GroupCommit(table.write, size=10)
    table.gate.clear()

    waiting = asyncio.create_task(commits.submit(1))
    await turns()
    assert table.attempts == [[1]]
    assert not waiting.done()

    table.gate.set()
    assert await waiting == "wrote 1"


async def test_a_single_command_does_not_linger(table: FakeTable) -> None:
    commits = GroupCommit(table.write, size=10)

    waiting = asyncio.create_task(commits.submit(1))
    await turns(QUIET_TURNS + 4)

    assert waiting.done()


async def test_those_who_are_here_already_come_along(table: FakeTable) -> None:
    commits = GroupCommit(table.write, size=10)

    async def come(number: int) -> str:
        await turns(number)
        return await commits.submit(number)

    await asyncio.gather(*(come(number) for number in range(6)))

    assert table.attempts == [[0, 1, 2, 3, 4, 5]]


async def test_who_comes_again_and_again_is_not_written_by_halves(table: FakeTable) -> None:
    commits = GroupCommit(table.write, size=10)

    async def come(number: int) -> None:
        for _ in range(5):
            # From the answer to the next request's command.
            await turns(3)
            await commits.submit(number)

    early = [asyncio.create_task(come(number)) for number in range(4)]
    table.gate.clear()
    await turns(20)
    late = [asyncio.create_task(come(number)) for number in range(4, 8)]
    await turns(20)
    table.gate.set()
    await asyncio.gather(*early, *late)

    assert [len(batch) for batch in table.attempts] == [4, 8, 8, 8, 8, 4]


async def test_a_batch_leaves_though_more_come_with_every_turn(table: FakeTable) -> None:
    commits = GroupCommit(table.write, size=1000)

    async def come(number: int) -> None:
        await turns(number)
        await commits.submit(number)

    await asyncio.gather(*(come(number) for number in range(3 * MOST_TURNS)))

    assert MOST_TURNS <= len(table.attempts[0]) <= MOST_TURNS + 2


async def test_what_waits_during_a_commit_is_written_together_in_order(table: FakeTable) -> None:
    commits = GroupCommit(table.write, size=10)
    table.gate.clear()
    first = asyncio.create_task(commits.submit(0))
    await turns()
    rest = [asyncio.create_task(commits.submit(n)) for n in range(1, 6)]
    await turns()

    table.gate.set()

    assert await asyncio.gather(first, *rest) == [f"wrote {n}" for n in range(6)]
    assert table.attempts == [[0], [1, 2, 3, 4, 5]]


async def test_no_batch_is_larger_than_its_size(table: FakeTable) -> None:
    commits = GroupCommit(table.write, size=4)

    await asyncio.gather(*(commits.submit(n) for n in range(10)))

    assert table.attempts == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_a_refusal_is_the_answer_of_one_command(table: FakeTable) -> None:
    commits = GroupCommit(table.write, size=10)
    table.refused = {1}

    answers = await asyncio.gather(*(commits.submit(n) for n in range(3)), return_exceptions=True)

    assert answers[0] == "wrote 0"
    assert isinstance(answers[1], Conflict)
    assert answers[2] == "wrote 2"
    assert len(table.attempts) == 1


@pytest.mark.parametrize("poison", [{0}, {63}, {17}, {3, 4, 40}])
async def test_a_poison_row_harms_only_itself(table: FakeTable, poison: set[int]) -> None:
    commits = GroupCommit(table.write, size=64)
    table.poison = poison

    answers = await asyncio.gather(*(commits.submit(n) for n in range(64)), return_exceptions=True)

    assert {n for n in range(64) if isinstance(answers[n], ValueError)} == poison
    assert table.written == [n for n in range(64) if n not in poison]
    assert len(table.attempts) <= 1 + 2 * 6 * len(poison)


async def test_an_absent_database_fails_the_whole_batch_at_once(table: FakeTable) -> None:
    commits = GroupCommit(table.write, size=64)
    table.is_away = True

    answers = await asyncio.gather(*(commits.submit(n) for n in range(64)), return_exceptions=True)

    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert len(table.attempts) == 1
    table.is_away = False
    assert await commits.submit(99) == "wrote 99"


async def test_a_cancelled_caller_takes_nothing_out_of_the_batch(table: FakeTable) -> None:
    commits = GroupCommit(table.write, size=10)
    table.gate.clear()
    tasks = [asyncio.create_task(commits.submit(n)) for n in range(4)]
    await turns()

    tasks[0].cancel()
    tasks[2].cancel()
    await turns()
    table.gate.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1] == "wrote 1"
    assert isinstance(answers[2], asyncio.CancelledError)
    assert answers[3] == "wrote 3"
    assert table.written == [0, 1, 2, 3]


async def test_draining_waits_for_everything_submitted(table: FakeTable) -> None:
    commits = GroupCommit(table.write, size=2)
    tasks = [asyncio.create_task(commits.submit(n)) for n in range(7)]
    await asyncio.sleep(0)

    await commits.drain()

    assert table.written == list(range(7))
    await asyncio.gather(*tasks)
    await commits.drain()


async def test_where_two_may_write_a_second_batch_starts_once_it_is_worth_its_trips(
    table: FakeTable,
) -> None:
    commits = GroupCommit(table.write, size=64, at_once=2)
    table.gate.clear()
    first = asyncio.create_task(commits.submit(0))
    await turns()

    few = [asyncio.create_task(commits.submit(n)) for n in range(1, WORTH)]
    await turns()
    assert table.attempts == [[0]]

    enough = asyncio.create_task(commits.submit(WORTH))
    await turns()
    assert table.attempts == [[0], [*range(1, WORTH + 1)]]

    more = [asyncio.create_task(commits.submit(n)) for n in range(100, 200)]
    await turns()
    assert len(table.attempts) == 2

    table.gate.set()
    answers = await asyncio.gather(first, *few, enough, *more)
    assert answers == [f"wrote {n}" for n in (*range(WORTH + 1), *range(100, 200))]
    assert sorted(table.written) == [*range(WORTH + 1), *range(100, 200)]


async def test_what_is_too_little_for_two_is_written_when_the_other_batch_is_done(
    table: FakeTable,
) -> None:
    commits = GroupCommit(table.write, size=WORTH, at_once=2)
    table.gate.clear()
    waiting = [asyncio.create_task(commits.submit(n)) for n in range(2 * WORTH + 3)]
    await turns()
    assert len(table.attempts) == 2

    table.gate.set()
    await asyncio.gather(*waiting)
    await commits.drain()

    assert table.attempts[2:] == [[*range(2 * WORTH, 2 * WORTH + 3)]]

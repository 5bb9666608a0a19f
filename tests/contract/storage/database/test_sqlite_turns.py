"""Whose turn it is with SQLite's one writer: steps of a page, and API writes between them."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from heliograph.storage.database.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sqlalchemy import Connection

pytestmark = pytest.mark.anyio

Step = tuple[str, object]
PATIENCE_S = 20


@pytest.fixture
async def database(folder: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(folder)
    yield database
    await database.close()


class Page:
    """A page in steps, which are noted with the transaction that they run in."""

    def __init__(self) -> None:
        self.ran: list[Step] = []
        self.is_held = threading.Event()
        self.may_go_on = threading.Event()

    def step(self, name: str, *, answer: bool = True) -> Callable[[Connection], bool]:
        def run(connection: Connection) -> bool:
            self.ran.append((name, connection.get_transaction()))
            return answer

        return run

    def holding(self, name: str) -> Callable[[Connection], bool]:
        """Make a step that waits in the middle of it until it may go on."""
        note = self.step(name)

        def run(connection: Connection) -> bool:
            self.is_held.set()
            assert self.may_go_on.wait(PATIENCE_S)
            return note(connection)

        return run

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.ran]


async def test_undisturbed_all_steps_but_the_last_are_one_transaction(
    database: SqliteDatabase,
) -> None:
    page = Page()

    assert await database.write_steps([page.step(name) for name in "abcd"])

    assert page.names == [*"abcd"]
    first, second, third, last = (transaction for _, transaction in page.ran)
    assert first is second is third
    assert last is not first


async def test_an_api_write_runs_between_two_steps(database: SqliteDatabase) -> None:
    page = Page()
    writing = asyncio.create_task(
        database.write_steps([page.holding("a"), page.step("b"), page.step("c")])
    )
    await asyncio.to_thread(page.is_held.wait, PATIENCE_S)
    api = asyncio.create_task(database.write(page.step("api")))
    await asyncio.sleep(0)

    page.may_go_on.set()

    assert await writing
    await api
    assert page.names == ["a", "api", "b", "c"]


@pytest.mark.parametrize("lost_at", ["a", "b", "c"])
async def test_a_step_that_is_another_workers_ends_the_page(
    database: SqliteDatabase, lost_at: str
) -> None:
    page = Page()

    assert not await database.write_steps(
        [page.step(name, answer=name != lost_at) for name in "abc"]
    )

    assert page.names[-1] == lost_at

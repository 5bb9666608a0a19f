"""Whose turn it is on SQLite: steps of a page, API writes between them, and readers."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

from heliograph.core.right_of_way import RightOfWay
from heliograph.storage.database.database import Lane
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


async def test_a_page_is_put_down_where_a_small_send_has_the_right_of_way(folder: Path) -> None:
    way = RightOfWay(time.monotonic)
    database = SqliteDatabase(folder, way=way)
    page = Page()

    def ask(connection: Connection) -> bool:
        way.ask()
        return page.step("a")(connection)

    assert await database.write_steps([ask, page.step("b"), page.step("c")])
    await database.close()

    assert page.names == ["a", "b", "c"]
    assert page.ran[0][1] is not page.ran[1][1]


@pytest.mark.parametrize("lost_at", ["a", "b", "c"])
async def test_a_step_that_is_another_workers_ends_the_page(
    database: SqliteDatabase, lost_at: str
) -> None:
    page = Page()

    assert not await database.write_steps(
        [page.step(name, answer=name != lost_at) for name in "abc"]
    )

    assert page.names[-1] == lost_at


@pytest.mark.parametrize(
    ("held", "asked"), [(Lane.PAGE, Lane.API), (Lane.API, Lane.PAGE)], ids=["page", "api"]
)
async def test_pages_and_the_api_do_not_wait_for_each_others_reading(
    folder: Path, held: Lane, asked: Lane
) -> None:
    database = SqliteDatabase(folder, readers=1)
    page = Page()
    reading = asyncio.create_task(database.read(page.holding("long"), held))
    await asyncio.to_thread(page.is_held.wait, PATIENCE_S)

    async with asyncio.timeout(PATIENCE_S):
        await database.read(page.step("short"), asked)

    page.may_go_on.set()
    await reading
    await database.close()
    assert page.names == ["short", "long"]

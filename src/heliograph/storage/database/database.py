"""How work reaches a database, whichever engine it is.

Work is a plain function of a SQLAlchemy connection, run in one transaction.
SQLite runs it on a thread of its own; PostgreSQL runs it on the event loop
behind a greenlet. So every statement is written once, without `await`, and a
page of a broadcast costs one hop, not one per statement.

Source: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

T = TypeVar("T")


class Lane(IntEnum):
    """Which writes go first where there is one writer."""

    API = 0
    PAGE = 1


class Database(Protocol):
    """One engine. Everything raises `Unavailable` when the database is.

    step_rows: how many rows one step of a page commit may hold; None where
    nobody waits for a single writer. writers: how many transactions that
    write are worth having at once.
    """

    step_rows: int | None
    writers: int

    async def read(self, work: Callable[[Connection], T], lane: Lane = Lane.API) -> T:
        """Run work that only reads."""
        ...

    async def write(
        self,
        work: Callable[[Connection], T],
        lane: Lane = Lane.API,
        *,
        is_lasting: bool = True,
    ) -> T:
        """Run work in one writing transaction; on return it is durable.

        is_lasting: False for what a power cut may take back, such as a lease;
        it is on disk with the next thing that lasts, and never without what
        came before it.
        """
        ...

    async def write_steps(self, steps: Sequence[Callable[[Connection], bool]]) -> bool:
        """Run the steps of one page commit; the last one carries the cursor.

        API writes overtake between two steps where one writer serves both. A
        step that answers False stops the rest; the answer is then False.
        """
        ...

    async def close(self) -> None:
        """Finish what is running and let go of the database."""
        ...


class DatabaseInUse(Exception):
    """Another server holds this data directory."""


class DatabaseTooNew(Exception):
    """A newer Heliograph has brought the tables further than this one knows."""

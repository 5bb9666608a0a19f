"""Statements that are text already, straight to SQLite's driver.

SQLAlchemy's execution and its result take 12 us of a write and 33 us of a
look-up; SQLite itself takes 2 and 4. PostgreSQL's driver is asynchronous, and
its trips cost more than either.
Measured: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

    Row = tuple[Any, ...]


class Rows(Protocol):
    """What a statement answered: rows whose columns have names too."""

    def all(self) -> Sequence[Any]:
        """Answer every row."""
        ...

    def first(self) -> Any:
        """Answer the first row, or None."""
        ...

    def scalar_one_or_none(self) -> Any:
        """Answer the only row's first column, or None."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Answer row after row."""
        ...


class SqliteRows:
    """Rows that were fetched. make: gives one its columns' names."""

    __slots__ = ("_make", "_rows")

    def __init__(self, rows: Sequence[Row], make: Callable[[Row], Row]) -> None:
        self._rows = rows
        self._make = make

    def all(self) -> Sequence[Any]:
        """Answer every row."""
        return [*map(self._make, self._rows)]

    def first(self) -> Any:
        """Answer the first row, or None."""
        return self._make(self._rows[0]) if self._rows else None

    def scalar_one_or_none(self) -> Any:
        """Answer the only row's first column, or None."""
        assert len(self._rows) <= 1, len(self._rows)
        return self._rows[0][0] if self._rows else None

    def __iter__(self) -> Iterator[Any]:
        """Answer row after row."""
        return map(self._make, self._rows)


def run_on_sqlite(connection: Connection, text: str, values: Row) -> SqliteRows:
    """Run a statement in the transaction that is going on, and fetch what it answers."""
    cursor = _driver_of(connection).execute(text, values)
    if cursor.description is None:
        return _NOTHING
    names = tuple([column[0] for column in cursor.description])
    return SqliteRows(cursor.fetchall(), _maker_of(names))


def fetch_on_sqlite(connection: Connection, text: str, values: Row) -> Sequence[Row]:
    """Run a question, and answer its rows as they come: a broadcast has millions of them."""
    return _driver_of(connection).execute(text, values).fetchall()


def run_each_on_sqlite(connection: Connection, text: str, rows: Sequence[Row]) -> None:
    """Run a statement for every row."""
    _driver_of(connection).executemany(text, rows)


@cache
def _maker_of(names: tuple[str, ...]) -> Callable[[Row], Row]:
    # Typed so that a checker does not ask for names that only SQLite knows. Those that no
    # attribute may have become numbers.
    new_type: Any = namedtuple  # noqa: PYI024 - see above
    make: Callable[[Row], Row] = new_type("Row", names, rename=True)._make
    return make


def _driver_of(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


_NOTHING = SqliteRows((), tuple)

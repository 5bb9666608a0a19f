"""Many rows through one statement, straight to the driver.

SQLAlchemy spells each statement once per engine; after that rows go as tuples
and meet no processing on the way. Measured: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import asyncpg as postgresql_asyncpg

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Delete, Dialect, Table, Update
    from sqlalchemy.sql.dml import Insert

_SPELLINGS: dict[str, Callable[[], Dialect]] = {
    "sqlite": sqlite.dialect,
    "postgresql": postgresql_asyncpg.dialect,
}


def insert_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows given in the order of the table's columns."""
    if rows:
        connection.exec_driver_sql(_insert(connection.dialect.name, table), list(rows))


def insert_new_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows; those whose key is there already are left as they are."""
    if rows:
        connection.exec_driver_sql(_insert_missing(connection.dialect.name, table), list(rows))


def upsert_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[tuple[Any, ...]],
    *,
    changing: tuple[str, ...],
) -> None:
    """Insert rows, or change the named columns of those whose key is there already."""
    if rows:
        text = _upsert(connection.dialect.name, table, changing)
        connection.exec_driver_sql(text, list(rows))


def run_rows(
    connection: Connection,
    statement: Update | Delete,
    names: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Run a statement for each row; names: its parameters, in the rows' order."""
    if rows:
        text, places = _spelled(connection.dialect.name, statement, names)
        ordered = [tuple([row[place] for place in places]) for row in rows]
        connection.exec_driver_sql(text, ordered)


@cache
def _insert(engine: str, table: Table) -> str:
    return _text(engine, table.insert())


@cache
def _insert_missing(engine: str, table: Table) -> str:
    return _text(engine, _insert_of(engine, table).on_conflict_do_nothing())


@cache
def _upsert(engine: str, table: Table, changing: tuple[str, ...]) -> str:
    new = _insert_of(engine, table)
    keys = list(table.primary_key.columns)
    return _text(
        engine,
        new.on_conflict_do_update(
            index_elements=keys, set_={name: new.excluded[name] for name in changing}
        ),
    )


@cache
def _spelled(
    engine: str, statement: Update | Delete, names: tuple[str, ...]
) -> tuple[str, tuple[int, ...]]:
    compiled = statement.compile(dialect=_SPELLINGS[engine]())
    order = compiled.positiontup or []
    return str(compiled), tuple(names.index(name) for name in order)


def _insert_of(engine: str, table: Table) -> Any:
    return postgresql.insert(table) if engine == "postgresql" else sqlite.insert(table)


def _text(engine: str, statement: Insert) -> str:
    return str(statement.compile(dialect=_SPELLINGS[engine]()))

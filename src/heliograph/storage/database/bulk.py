"""Many rows through one statement, straight to the driver.

SQLAlchemy spells each statement once per engine; after that rows go as tuples
and meet no processing on the way. SQLite runs the statement for each row in
turn; PostgreSQL takes them all at once, an array for each column.
Measured: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, String, Text, and_, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from heliograph.storage.database.spelling import POSTGRESQL, spell_statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Table


def insert_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows given in the order of the table's columns."""
    if rows:
        _run(connection, _insert(connection.dialect.name, table), rows)


def insert_new_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows; those whose key is there already are left as they are."""
    if rows:
        _run(connection, _insert_missing(connection.dialect.name, table), rows)


def upsert_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[tuple[Any, ...]],
    *,
    changing: tuple[str, ...],
) -> None:
    """Insert rows, or change the named columns of those whose key is there already.

    No two rows may have one key.
    """
    if rows:
        _run(connection, _upsert(connection.dialect.name, table, changing), rows)


def update_rows(
    connection: Connection,
    table: Table,
    keys: tuple[str, ...],
    changing: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Change columns of the rows with these keys. rows: the keys, then the new values."""
    if rows:
        ordered = rows
        if connection.dialect.name != POSTGRESQL:
            # The statement names what is set before the row that it is set in.
            ordered = [row[len(keys) :] + row[: len(keys)] for row in rows]
        _run(connection, _update(connection.dialect.name, table, keys, changing), ordered)


def delete_rows(
    connection: Connection,
    table: Table,
    keys: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Delete the rows with these keys."""
    if rows:
        _run(connection, _delete(connection.dialect.name, table, keys), rows)


def _run(connection: Connection, text: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if connection.dialect.name == POSTGRESQL:
        connection.exec_driver_sql(text, tuple(zip(*rows, strict=True)))
    else:
        connection.exec_driver_sql(text, list(rows))


@cache
def _insert(engine: str, table: Table) -> str:
    return _text(engine, _insert_of(engine, table))


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
def _update(engine: str, table: Table, keys: tuple[str, ...], changing: tuple[str, ...]) -> str:
    if engine == POSTGRESQL:
        given = _given(table, (*keys, *changing))
        return _text(
            engine,
            update(table)
            .where(and_(*(table.c[name] == given.c[name] for name in keys)))
            .values({name: given.c[name] for name in changing}),
        )
    return _text(
        engine,
        update(table)
        .where(_is_row(table, keys))
        .values({name: bindparam(f"new_{name}") for name in changing}),
    )


@cache
def _delete(engine: str, table: Table, keys: tuple[str, ...]) -> str:
    if engine == POSTGRESQL:
        given = _given(table, keys)
        is_given = and_(*(table.c[name] == given.c[name] for name in keys))
        return _text(engine, delete(table).where(is_given))
    return _text(engine, delete(table).where(_is_row(table, keys)))


def _insert_of(engine: str, table: Table) -> Any:
    if engine != POSTGRESQL:
        return sqlite.insert(table)
    names = tuple(table.columns.keys())
    given = _given(table, names)
    return postgresql.insert(table).from_select(names, select(*(given.c[name] for name in names)))


def _is_row(table: Table, keys: tuple[str, ...]) -> ColumnElement[bool]:
    return and_(*(table.c[name] == bindparam(f"key_{name}") for name in keys))


def _given(table: Table, names: tuple[str, ...]) -> Any:
    """Make rows of one array for each column. Source: PostgreSQL manual, 9.19, `unnest`."""
    arrays = [
        # A cast to a bounded text would cut off what is too long, without a word.
        bindparam(name, type_=ARRAY(Text() if isinstance(type_, String) else type_))
        for name, type_ in ((name, table.c[name].type) for name in names)
    ]
    return func.unnest(*arrays).table_valued(*names, name="given").render_derived()


def _text(engine: str, statement: Any) -> str:
    return spell_statement(statement, engine)[0]

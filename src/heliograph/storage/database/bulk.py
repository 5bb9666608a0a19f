"""Many rows through one statement, straight to the driver.

SQLAlchemy spells each statement once per engine; after that rows go as tuples
and meet no processing on the way. SQLite takes a few dozen new rows at a time;
PostgreSQL takes them all at once, an array for each column, and several
statements as the parts of one: there a trip costs more than a row.
Measured: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import ARRAY, String, Table, Text, and_, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from heliograph.storage.database.engines import POSTGRESQL
from heliograph.storage.database.spelling import Statement, spell_statement
from heliograph.storage.database.straight import run_each_on_sqlite, run_on_sqlite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection


LARGEST_PIECE = 64
"""Rows in one statement of SQLite's: more gain nothing."""


class _Shape(NamedTuple):
    """What is done to which columns: all that a statement's text depends on."""

    verb: Literal["insert", "insert missing", "upsert", "update", "delete"]
    table: Table
    keys: tuple[str, ...] = ()
    changing: tuple[str, ...] = ()


class Write(NamedTuple):
    """Rows, and what is done with each of them."""

    shape: _Shape
    rows: Sequence[tuple[Any, ...]]


def insertion(table: Table, rows: Sequence[tuple[Any, ...]]) -> Write:
    """Insert rows given in the order of the table's columns."""
    return Write(_Shape("insert", table), rows)


def insertion_of(table: Table, rows: Sequence[Mapping[str, Any]]) -> Write:
    """Insert rows given by their columns' names; what a row does not name is null."""
    names = table.columns.keys()
    return insertion(table, [tuple([row.get(name) for name in names]) for row in rows])


def insertion_of_missing(table: Table, rows: Sequence[tuple[Any, ...]]) -> Write:
    """Insert rows; those whose key is there already are left as they are."""
    return Write(_Shape("insert missing", table), rows)


def upsertion(table: Table, rows: Sequence[tuple[Any, ...]], *, changing: tuple[str, ...]) -> Write:
    """Insert rows, or change the named columns of those whose key is there already.

    No two rows may have one key.
    """
    return Write(_Shape("upsert", table, (), changing), rows)


def updating(
    table: Table,
    keys: tuple[str, ...],
    changing: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
) -> Write:
    """Change columns of the rows with these keys. rows: the keys, then the new values."""
    return Write(_Shape("update", table, keys, changing), rows)


def deletion(table: Table, keys: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> Write:
    """Delete the rows with these keys."""
    return Write(_Shape("delete", table, keys), rows)


def write_rows(connection: Connection, *writes: Write) -> None:
    """Do writes; in one trip, where trips are what costs.

    No two may touch one row, nor may one need what another makes room for:
    on PostgreSQL the parts of a statement do not see each other.
    """
    writes = tuple([write for write in writes if write.rows])
    if connection.dialect.name != POSTGRESQL:
        for write in writes:
            _run_on_sqlite(connection, write)
    elif writes:
        shapes = tuple([write.shape for write in writes])
        connection.exec_driver_sql(_together(shapes, None), _arrays(writes))


def write_rows_and_ask(
    connection: Connection, *writes: Write, question: Statement, **values: Any
) -> Sequence[Any]:
    """Do writes as `write_rows` does, and answer the rows of a question in the same trip.

    The question must not be about what the writes change: on PostgreSQL it
    is answered as of before, on SQLite as of after.
    """
    if connection.dialect.name != POSTGRESQL:
        write_rows(connection, *writes)
        return question.run(connection, **values).all()
    writes = tuple([write for write in writes if write.rows])
    shapes = tuple([write.shape for write in writes])
    _, names = question.spelling(POSTGRESQL)
    asked = tuple([values[name] for name in names])
    text = _together(shapes, question)
    return connection.exec_driver_sql(text, (*_arrays(writes), *asked)).all()


def _run_on_sqlite(connection: Connection, write: Write) -> None:
    text, names = _spelled("sqlite", write.shape)
    if write.shape.verb in ("update", "delete"):
        given = [f"key_{name}" for name in write.shape.keys]
        given += [f"new_{name}" for name in write.shape.changing]
        places = [given.index(name) for name in names]
        rows = [tuple([row[place] for place in places]) for row in write.rows]
        run_each_on_sqlite(connection, text, rows)
        return
    insert_in_pieces(connection, text, write.rows)


def insert_in_pieces(connection: Connection, text: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run SQLite's spelling of an insertion of one row, for many rows at a time.

    Pieces are powers of two, so that few statements serve any number of rows.
    """
    first, size = 0, LARGEST_PIECE
    while first < len(rows):
        while size > len(rows) - first:
            size //= 2
        piece = rows[first : first + size]
        values = tuple([value for row in piece for value in row])
        run_on_sqlite(connection, _repeated(text, len(piece[0]), size), values)
        first += size


@cache
def _repeated(text: str, width: int, times: int) -> str:
    row = f"({', '.join('?' * width)})"
    head, marks, tail = text.partition(f"VALUES {row}")
    assert marks, text
    return f"{head}VALUES {', '.join([row] * times)}{tail}"


def _arrays(writes: Sequence[Write]) -> tuple[tuple[Any, ...], ...]:
    return tuple([column for write in writes for column in zip(*write.rows, strict=True)])


@cache
def _together(shapes: tuple[_Shape, ...], question: Statement | None) -> str:
    """Spell several statements as one, whose parameters follow each other.

    Source: PostgreSQL manual, 7.8.4, "Data-Modifying Statements in WITH".
    """
    texts = [_spelled(POSTGRESQL, shape)[0] for shape in shapes]
    if question is not None:
        texts.append(question.spelling(POSTGRESQL)[0])
    moved, before = [], 0
    for text in texts:
        numbers = [int(number) for number in _PARAMETER.findall(text)]
        moved.append(_moved(text, before))
        before += max(numbers, default=0)
    *parts, last = moved
    named = ", ".join(f"part_{number} AS ({text})" for number, text in enumerate(parts))
    return f"WITH {named} {last}" if parts else last


def _moved(text: str, places: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + places}", text)


_PARAMETER = re.compile(r"\$(\d+)")


@cache
def _spelled(engine: str, shape: _Shape) -> tuple[str, tuple[str, ...]]:
    return spell_statement(_statement(engine, shape), engine)


def _statement(engine: str, shape: _Shape) -> Any:
    verb, table, keys, changing = shape
    match verb:
        case "insert":
            return _insert_of(engine, table)
        case "insert missing":
            return _insert_of(engine, table).on_conflict_do_nothing()
        case "upsert":
            new = _insert_of(engine, table)
            return new.on_conflict_do_update(
                index_elements=list(table.primary_key.columns),
                set_={name: new.excluded[name] for name in changing},
            )
        case "update":
            return _update_of(engine, table, keys, changing)
        case "delete":
            return _delete_of(engine, table, keys)


def _update_of(engine: str, table: Table, keys: tuple[str, ...], changing: tuple[str, ...]) -> Any:
    if engine != POSTGRESQL:
        new: dict[str, Any] = {name: bindparam(f"new_{name}") for name in changing}
        return update(table).where(_is_row(table, keys)).values(new)
    given = _given(table, (*keys, *changing))
    is_given = and_(*(table.c[name] == given.c[name] for name in keys))
    return update(table).where(is_given).values({name: given.c[name] for name in changing})


def _delete_of(engine: str, table: Table, keys: tuple[str, ...]) -> Any:
    if engine != POSTGRESQL:
        return delete(table).where(_is_row(table, keys))
    given = _given(table, keys)
    return delete(table).where(and_(*(table.c[name] == given.c[name] for name in keys)))


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

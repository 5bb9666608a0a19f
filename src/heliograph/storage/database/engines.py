"""Where the two engines differ, side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    Join,
    LargeBinary,
    SmallInteger,
    Text,
    and_,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, FromClause, Table
    from sqlalchemy.sql.dml import Insert

_KEY_BYTES = 16


def is_postgresql(connection: Connection) -> bool:
    """Say which engine a connection speaks to."""
    return connection.dialect.name == "postgresql"


def is_in(
    connection: Connection, column: ColumnElement[bytes], values: Sequence[bytes]
) -> ColumnElement[bool]:
    """Match any of many ids.

    PostgreSQL takes them as one array, so that one prepared statement serves
    every length; SQLite has no arrays.
    """
    if is_postgresql(connection):
        many: ColumnElement[Any] = bindparam(None, list(values), ARRAY(LargeBinary), unique=True)
        return column == any_(many)
    return column.in_(values)


def is_named(
    connection: Connection, column: ColumnElement[str | None], names: Sequence[str]
) -> ColumnElement[bool]:
    """Match any of many names, in one parameter: a statement takes 32,767 at most."""
    if is_postgresql(connection):
        many: ColumnElement[Any] = bindparam(None, list(names), ARRAY(Text), unique=True)
        return column == any_(many)
    listed = bindparam(None, json.dumps(list(names)), Text, unique=True)
    return column.in_(select(func.json_each(listed).table_valued("value").c.value))


class LastByte(FunctionElement[int]):
    """The last byte of an id: the bucket of what it names, where only the id is known."""

    type = SmallInteger()
    inherit_cache = True


@compiles(LastByte, "postgresql")
def _get_byte(last: LastByte, compiler: Any, **options: Any) -> str:
    return f"get_byte({compiler.process(last.clauses, **options)}, {_KEY_BYTES - 1})"


@compiles(LastByte, "sqlite")
def _instr(last: LastByte, compiler: Any, **options: Any) -> str:
    # SQLite turns no byte into a number; but it finds one among all of them.
    byte = f"substr({compiler.process(last.clauses, **options)}, {_KEY_BYTES}, 1)"
    return f"(instr(x'{bytes(range(256)).hex()}', {byte}) - 1)"


class Contains(FunctionElement[bool]):
    """Whether a text contains another, letter by letter: SQLite's LIKE would ignore their case."""

    type = Boolean()
    inherit_cache = True


@compiles(Contains, "postgresql")
def _strpos(contains: Contains, compiler: Any, **options: Any) -> str:
    return f"(strpos({compiler.process(contains.clauses, **options)}) > 0)"


@compiles(Contains, "sqlite")
def _instr_of_text(contains: Contains, compiler: Any, **options: Any) -> str:
    return f"(instr({compiler.process(contains.clauses, **options)}) > 0)"


class InThisOrder(Join):
    """A join whose left side is walked first.

    SQLite has no statistics of parameters and would walk the table; its
    CROSS JOIN keeps the order that is written.
    """

    inherit_cache = True


@compiles(InThisOrder, "sqlite")
def _cross_join(join: InThisOrder, compiler: Any, **options: Any) -> str:
    options["asfrom"] = True
    left, right = (compiler.process(side, **options) for side in (join.left, join.right))
    return f"{left} CROSS JOIN {right} ON {compiler.process(join.onclause, **options)}"


def among(
    connection: Connection,
    table: Table,
    column: ColumnElement[bytes],
    keys: Sequence[bytes],
    *,
    is_bucketed: bool = True,
) -> FromClause:
    """Join a table with many 16-byte keys, whose last byte is the row's bucket if it has one.

    The keys are two parameters, whatever their number: arrays on PostgreSQL,
    on SQLite a JSON array of buckets beside the keys in one piece.
    """
    buckets = [key[-1] for key in keys]
    if is_postgresql(connection):
        wanted = func.unnest(
            bindparam(None, buckets, ARRAY(SmallInteger), unique=True),
            bindparam(None, list(keys), ARRAY(LargeBinary), unique=True),
        ).table_valued("bucket", "key", name="wanted")
        pairs: FromClause = wanted.render_derived()
        bucket: ColumnElement[Any] = pairs.c.bucket
        key: ColumnElement[Any] = pairs.c.key
    else:
        pairs = func.json_each(
            bindparam(None, json.dumps(buckets), Text, unique=True)
        ).table_valued("key", "value", name="wanted")
        joined = bindparam(None, b"".join(keys), LargeBinary, unique=True)
        bucket = pairs.c.value
        key = func.substr(joined, pairs.c.key * _KEY_BYTES + 1, _KEY_BYTES, type_=LargeBinary)
    is_it = column == key
    return InThisOrder(
        pairs, table, and_(table.c.bucket == bucket, is_it) if is_bucketed else is_it
    )


def upsert(
    connection: Connection,
    table: Table,
    *,
    changing: Iterable[str],
    where: ColumnElement[bool] | None = None,
) -> Insert:
    """Insert, or change the named columns of the row that has the key already.

    where: which rows may be changed; the others are left as they are.
    """
    names = list(changing)
    keys = list(table.primary_key.columns)
    if is_postgresql(connection):
        new = postgresql.insert(table)
        return new.on_conflict_do_update(
            index_elements=keys, set_={name: new.excluded[name] for name in names}, where=where
        )
    lite = sqlite.insert(table)
    return lite.on_conflict_do_update(
        index_elements=keys, set_={name: lite.excluded[name] for name in names}, where=where
    )


def insert_missing(connection: Connection, table: Table) -> Insert:
    """Insert what is not there yet and leave alone what is."""
    if is_postgresql(connection):
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def lock_keys(connection: Connection, keys: Iterable[bytes]) -> bool:
    """Hold these keys until the transaction ends, in one order for everybody.

    Two exclusive claims in flight at once would leave two holders. SQLite has
    one writer and needs no locks. Answers whether anyone else may have
    written meanwhile, so that what was read before must be read again.
    """
    if not is_postgresql(connection):
        return False
    numbers = sorted({int.from_bytes(key[:8], "big", signed=True) for key in keys})
    if numbers:
        connection.exec_driver_sql(_LOCK, (numbers,))
    return True


_LOCK = "SELECT count(pg_advisory_xact_lock(key)) FROM unnest($1::BIGINT[]) AS key"
"""Counted, so that the answer is one row however many keys there are."""

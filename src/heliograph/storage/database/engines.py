"""Where the two engines differ, side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

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
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, FromClause, Table
    from sqlalchemy.sql.dml import Insert
    from sqlalchemy.types import TypeEngine

POSTGRESQL = "postgresql"
KEY_BYTES = 16


def is_postgresql(connection: Connection) -> bool:
    """Say which engine a connection speaks to."""
    return connection.dialect.name == POSTGRESQL


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
    return f"get_byte({compiler.process(last.clauses, **options)}, {KEY_BYTES - 1})"


@compiles(LastByte, "sqlite")
def _instr(last: LastByte, compiler: Any, **options: Any) -> str:
    # SQLite turns no byte into a number; but it finds one among all of them.
    byte = f"substr({compiler.process(last.clauses, **options)}, {KEY_BYTES}, 1)"
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


class WantedKeys(NamedTuple):
    """Many 16-byte keys as rows of a statement, each with the bucket that its last byte names."""

    rows: FromClause
    bucket: ColumnElement[int]
    key: ColumnElement[bytes]

    def join(
        self, table: FromClause, column: ColumnElement[bytes], *, is_bucketed: bool
    ) -> FromClause:
        """Join a table with them, which are walked first. is_bucketed: the table has buckets."""
        is_it = column == self.key
        return InThisOrder(
            self.rows, table, and_(table.c.bucket == self.bucket, is_it) if is_bucketed else is_it
        )


def wanted_keys(
    engine: str, name: str, bind: Callable[[str, TypeEngine[Any]], ColumnElement[Any]]
) -> WantedKeys:
    """Make rows of two parameters, `keys` and `buckets`, whatever the number of keys.

    name: of the rows, within the statement. bind: makes a parameter of a type.
    """
    if engine == POSTGRESQL:
        pairs = (
            func.unnest(bind("buckets", ARRAY(SmallInteger())), bind("keys", ARRAY(LargeBinary())))
            .table_valued("bucket", "key", name=name)
            .render_derived()
        )
        return WantedKeys(pairs, pairs.c.bucket, pairs.c.key)
    places = func.json_each(bind("buckets", Text())).table_valued("key", "value", name=name)
    # Numbers of the text itself: parameters are the keys and their buckets, and nothing else.
    one: ColumnElement[int] = literal_column("1")
    size: ColumnElement[int] = literal_column(str(KEY_BYTES))
    at = places.c.key * size + one
    key = func.substr(bind("keys", LargeBinary()), at, size, type_=LargeBinary)
    return WantedKeys(places, places.c.value, key)


def wanted_values(engine: str, keys: Sequence[bytes]) -> dict[str, Any]:
    """Answer the values of these parameters.

    Arrays on PostgreSQL; on SQLite a JSON array of buckets beside the keys in
    one piece.
    """
    buckets = [key[-1] for key in keys]
    if engine == POSTGRESQL:
        return {"keys": list(keys), "buckets": buckets}
    return {"keys": b"".join(keys), "buckets": json.dumps(buckets)}


def among(
    connection: Connection,
    table: FromClause,
    column: ColumnElement[bytes],
    keys: Sequence[bytes],
    *,
    is_bucketed: bool = True,
) -> FromClause:
    """Join a table with many 16-byte keys, whose last byte is the row's bucket if it has one."""
    engine = connection.dialect.name
    values = wanted_values(engine, keys)
    wanted = wanted_keys(
        engine, "wanted", lambda name, kind: bindparam(None, values[name], kind, unique=True)
    )
    return wanted.join(table, column, is_bucketed=is_bucketed)


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

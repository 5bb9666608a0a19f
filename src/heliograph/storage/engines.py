"""Where the two engines differ, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, BigInteger, LargeBinary, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, Table
    from sqlalchemy.sql.dml import Insert


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


def upsert(connection: Connection, table: Table, *, changing: Iterable[str]) -> Insert:
    """Insert, or change the named columns of the row that has the key already."""
    names = list(changing)
    keys = list(table.primary_key.columns)
    if is_postgresql(connection):
        new = postgresql.insert(table)
        return new.on_conflict_do_update(
            index_elements=keys, set_={name: new.excluded[name] for name in names}
        )
    lite = sqlite.insert(table)
    return lite.on_conflict_do_update(
        index_elements=keys, set_={name: lite.excluded[name] for name in names}
    )


def insert_missing(connection: Connection, table: Table) -> Insert:
    """Insert what is not there yet and leave alone what is."""
    if is_postgresql(connection):
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def lock_keys(connection: Connection, keys: Iterable[bytes]) -> None:
    """Hold these keys until the transaction ends, in one order for everybody.

    Two exclusive claims in flight at once would leave two holders. SQLite has
    one writer and needs no locks.
    """
    if not is_postgresql(connection):
        return
    numbers = sorted({int.from_bytes(key[:8], "big", signed=True) for key in keys})
    if numbers:
        many = bindparam("keys", numbers, ARRAY(BigInteger))
        connection.execute(select(func.pg_advisory_xact_lock(func.unnest(many))))

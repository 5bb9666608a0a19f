"""Statements that are built and spelled once for each engine, and then go to the driver as text.

Building a statement and finding it in SQLAlchemy's cache costs more than many
a lookup itself; the hottest ones are spelled at their first use instead.
Measured: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Text, any_, bindparam, func, literal_column, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg as postgresql_asyncpg

from heliograph.storage.database.engines import POSTGRESQL, wanted_keys, wanted_values
from heliograph.storage.database.straight import fetch_on_sqlite, run_each_on_sqlite, run_on_sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, Dialect, FromClause
    from sqlalchemy.sql import Executable

    from heliograph.storage.database.engines import WantedKeys
    from heliograph.storage.database.straight import Rows

_SPELLINGS: dict[str, Callable[[], Dialect]] = {
    "sqlite": sqlite.dialect,
    POSTGRESQL: postgresql_asyncpg.dialect,
}


class Statement:
    """One statement for both engines. build: makes it, given the engine's name."""

    def __init__(self, build: Callable[[str], Executable]) -> None:
        self._build = build
        self._spelled: dict[str, tuple[str, tuple[str, ...]]] = {}

    def run(self, connection: Connection, **values: Any) -> Rows:
        """Run it with values for its parameters; those that it does not name are left out."""
        engine = connection.dialect.name
        text, names = self.spelling(engine)
        given = tuple([values[name] for name in names])
        if engine != POSTGRESQL:
            return run_on_sqlite(connection, text, given)
        return connection.exec_driver_sql(text, given)

    def fetch(self, connection: Connection, **values: Any) -> Sequence[Any]:
        """Run it, and answer its rows as the driver has them."""
        engine = connection.dialect.name
        text, names = self.spelling(engine)
        given = tuple([values[name] for name in names])
        if engine != POSTGRESQL:
            return fetch_on_sqlite(connection, text, given)
        result = connection.exec_driver_sql(text, given)
        rows = result.cursor.fetchall() if result.cursor is not None else []
        result.close()
        return rows

    def run_each(
        self, connection: Connection, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Run it for every row. names: its parameters, in the rows' order."""
        if not rows:
            return
        engine = connection.dialect.name
        text, order = self.spelling(engine)
        places = [names.index(name) for name in order]
        given = [tuple([row[place] for place in places]) for row in rows]
        if engine != POSTGRESQL:
            run_each_on_sqlite(connection, text, given)
        else:
            connection.exec_driver_sql(text, given)

    def spelling(self, engine: str) -> tuple[str, tuple[str, ...]]:
        """Answer its text in one engine's SQL, and its parameters' names in their order."""
        spelled = self._spelled.get(engine)
        if spelled is None:
            text, names = spell_statement(self._build(engine), engine)
            spelled = self._spelled[engine] = text, names
        return spelled


def spell_statement(statement: Any, engine: str) -> tuple[str, tuple[str, ...]]:
    """Spell a statement in the engine's SQL, with its parameters' names in their order."""
    compiled = statement.compile(dialect=_SPELLINGS[engine]())
    return str(compiled), tuple(compiled.positiontup or ())


def among_keys(
    engine: str,
    table: FromClause,
    key: ColumnElement[bytes],
    name: str = "key",
    *,
    is_bucketed: bool = False,
) -> FromClause:
    """Join a table with the 16-byte keys of `key_values`, which are walked first.

    name: of the keys, where a statement takes several lists of them.
    is_bucketed: their last byte is the row's bucket.
    """
    return keys_of(engine, name).join(table, key, is_bucketed=is_bucketed)


def key_values(connection: Connection, keys: Iterable[bytes], name: str = "key") -> dict[str, Any]:
    """Answer the parameters of `among_keys`: two values, whatever the number of keys."""
    values = wanted_values(connection.dialect.name, sorted(keys))
    return {f"{name}s": values["keys"], f"{name}_buckets": values["buckets"]}


def keys_of(engine: str, name: str = "key") -> WantedKeys:
    """Answer the rows of `key_values` with their buckets and keys."""
    names = {"keys": f"{name}s", "buckets": f"{name}_buckets"}
    return wanted_keys(
        engine, f"wanted_{name}", lambda each, kind: bindparam(names[each], type_=kind)
    )


def is_one_of(column: ColumnElement[Any], words: Iterable[str]) -> ColumnElement[bool]:
    """Match any of a few words of ours, which stand in the statement's text."""
    return column.in_([literal_column(f"'{word}'") for word in words])


def is_listed(engine: str, name: ColumnElement[Any]) -> ColumnElement[bool]:
    """Match any of the texts of `listed_values`."""
    if engine == POSTGRESQL:
        return name == any_(bindparam("names", type_=ARRAY(Text)))
    listed = func.json_each(bindparam("names", type_=Text)).table_valued("value")
    return name.in_(select(listed.c.value))


def listed_values(connection: Connection, names: Sequence[str]) -> dict[str, Any]:
    """Answer the parameter of `is_listed`."""
    is_array = connection.dialect.name == POSTGRESQL
    return {"names": list(names) if is_array else json.dumps(names)}

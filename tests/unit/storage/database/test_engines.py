from __future__ import annotations

import pytest
from sqlalchemy import LargeBinary, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, create_engine

from heliograph.storage.database.engines import (
    LastByte,
    insert_missing,
    is_in,
    is_named,
    is_postgresql,
    lock_keys,
    upsert,
)
from heliograph.storage.tables.tables import accounts, metadata, tags, users


@pytest.fixture
def connection():
    """A SQLite in memory with every table."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        metadata.create_all(connection)
        yield connection
    engine.dispose()


@pytest.mark.parametrize("last", [0, 1, 127, 128, 255])
def test_sqlite_reads_the_last_byte_of_an_id(connection: Connection, last: int) -> None:
    key = bytes([7] * 15 + [last])

    assert connection.execute(select(LastByte(literal(key, LargeBinary)))).scalar_one() == last


def test_postgresql_reads_the_last_byte_by_its_place() -> None:
    statement = select(LastByte(tags.c.id)).compile(dialect=postgresql.dialect())

    assert "get_byte(tags.id, 15)" in str(statement)


def test_an_upsert_changes_only_what_it_names(connection: Connection) -> None:
    row = {"id": b"a" * 16, "name": "one", "created_ms": 1}
    connection.execute(upsert(connection, accounts, changing=["name"]), [row])

    again = row | {"name": "two", "created_ms": 2}
    connection.execute(upsert(connection, accounts, changing=["name"]), [again])

    [found] = connection.execute(select(accounts))
    assert tuple(found) == (b"a" * 16, "two", 1)


def test_inserting_the_missing_leaves_what_is_there(connection: Connection) -> None:
    row = {"id": b"1" * 16, "account_id": b"a" * 16, "external_id": "ann", "created_ms": 1}
    statement = insert_missing(connection, users)

    connection.execute(statement, [row])
    connection.execute(statement, [row | {"id": b"2" * 16}])

    assert connection.execute(select(users.c.id)).scalars().all() == [b"1" * 16]


def test_many_ids_and_names_match_any_of_them(connection: Connection) -> None:
    names = ["ann", "bob", 'c"\u00e9']
    connection.execute(
        insert_missing(connection, users),
        [
            {"id": bytes([n] * 16), "account_id": b"a" * 16, "external_id": name, "created_ms": 1}
            for n, name in enumerate(names)
        ],
    )

    by_name = select(users.c.id).where(is_named(connection, users.c.external_id, names[1:]))
    by_id = select(users.c.external_id).where(is_in(connection, users.c.id, [bytes(16)]))

    assert set(connection.execute(by_name).scalars()) == {bytes([1] * 16), bytes([2] * 16)}
    assert connection.execute(by_id).scalars().all() == ["ann"]
    nobody = select(users.c.id).where(is_named(connection, users.c.external_id, []))
    assert connection.execute(nobody).all() == []


def test_sqlite_needs_no_locks(connection: Connection) -> None:
    lock_keys(connection, [b"k" * 16])

    assert not is_postgresql(connection)
    assert sqlite.dialect().name == connection.dialect.name

from __future__ import annotations

import sqlite3

import asyncpg
import pytest
from sqlalchemy import exc

from heliograph.core.errors import Conflict, Unavailable
from heliograph.storage.database.failures import (
    is_serialization_failure,
    sql_state,
    unavailable_if_failing,
)


class DriverError(Exception):
    """What a driver raises, with its SQLSTATE."""

    def __init__(self, sqlstate: str | None = None) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def wrapped(kind: type[exc.DBAPIError], sqlstate: str | None = None) -> exc.DBAPIError:
    return kind("SELECT 1", None, DriverError(sqlstate))


TROUBLE = {
    "locked": exc.OperationalError("SELECT 1", None, sqlite3.OperationalError("locked")),
    "closed": wrapped(exc.InterfaceError),
    "no connection left": exc.TimeoutError(),
    "damaged file": exc.DatabaseError("SELECT 1", None, sqlite3.DatabaseError("malformed")),
    "locked, from the driver": sqlite3.OperationalError("database is locked"),
    "damaged file, from the driver": sqlite3.DatabaseError("malformed"),
    "misused, from the driver": sqlite3.InterfaceError("bad parameter or other API misuse"),
    "shutdown": wrapped(exc.DBAPIError, "57P01"),
    "connection lost": wrapped(exc.DBAPIError, "08006"),
    "too many connections": wrapped(exc.DBAPIError, "53300"),
    "no such database": wrapped(exc.DBAPIError, "3D000"),
    "wrong password": wrapped(exc.DBAPIError, "28P01"),
    "read-only node": wrapped(exc.DBAPIError, "25006"),
    "deadlock": wrapped(exc.DBAPIError, "40P01"),
    "disk": wrapped(exc.DBAPIError, "58030"),
    "refused": ConnectionRefusedError(),
    "slow": TimeoutError(),
    "raw": asyncpg.PostgresConnectionError("gone"),
    "raw too": asyncpg.InterfaceError("connection is closed"),
}
OURS = {
    "a duplicate": wrapped(exc.IntegrityError, "23505"),
    "a duplicate, from the driver": sqlite3.IntegrityError("UNIQUE constraint failed"),
    "a wrong value, from the driver": sqlite3.DataError("string or blob too big"),
    "a wrong statement": wrapped(exc.ProgrammingError, "42601"),
    "a wrong value": wrapped(exc.DBAPIError, "22021"),
    "no SQL at all": ValueError("odd"),
    "a refusal": Conflict("registration", "reg_1"),
}


@pytest.mark.parametrize("error", TROUBLE.values(), ids=TROUBLE)
def test_trouble_of_the_database_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable) as raised, unavailable_if_failing():
        raise error

    assert raised.value.component == "database"
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", OURS.values(), ids=OURS)
def test_faults_of_a_statement_or_a_value_pass_through(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, unavailable_if_failing():
        raise error

    assert raised.value is error


def test_an_invalidated_connection_is_unavailable_whatever_its_state() -> None:
    error = exc.DBAPIError("SELECT 1", None, DriverError("22000"), connection_invalidated=True)

    with pytest.raises(Unavailable), unavailable_if_failing():
        raise error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (wrapped(exc.DBAPIError, "40001"), True),
        (wrapped(exc.DBAPIError, "40P01"), True),
        (wrapped(exc.DBAPIError, "23505"), False),
        (wrapped(exc.OperationalError), False),
        (ValueError(), False),
    ],
)
def test_only_conflicts_of_transactions_are_worth_repeating(
    error: Exception, *, expected: bool
) -> None:
    assert is_serialization_failure(error) is expected


def test_an_error_without_a_state_has_an_empty_one() -> None:
    assert sql_state(wrapped(exc.DBAPIError)) == ""

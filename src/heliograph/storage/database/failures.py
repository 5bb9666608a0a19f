"""Driver errors become `Unavailable`, in one place."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy import exc

from heliograph.core.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

_SERIALIZATION_FAILURES = frozenset({"40001", "40P01"})
"""PostgreSQL undid the transaction for another's sake: repeated whole, it succeeds."""


_AWAY = frozenset({"08", "25", "28", "3D", "40", "53", "55", "57", "58"})
"""Classes of SQLSTATE that are about the server and not about a statement or a value.

Connections, a node that became read-only, sign-in, a missing database,
conflicts, memory and disk, locks, shutdown, the operating system.
Source: PostgreSQL manual, appendix A.
"""

_SQLITE_IS_AWAY = (sqlite3.OperationalError, sqlite3.InterfaceError)


@contextmanager
def unavailable_if_failing() -> Iterator[None]:
    """Turn what a driver raises for trouble of the database into `Unavailable`.

    Faults of a statement or a value pass through: those are ours.
    """
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError, *_SQLITE_IS_AWAY) as error:
        raise Unavailable("database") from error
    except exc.DBAPIError as error:
        if error.connection_invalidated or sql_state(error)[:2] in _AWAY:
            raise Unavailable("database") from error
        if type(error) is exc.DatabaseError:
            # SQLite's word for a file that is damaged, or no database at all.
            raise Unavailable("database") from error
        raise
    except sqlite3.DatabaseError as error:
        if type(error) is sqlite3.DatabaseError:
            raise Unavailable("database") from error
        raise
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        # What connecting raises arrives without SQLAlchemy's wrapping.
        raise Unavailable("database") from error


def sql_state(error: exc.DBAPIError) -> str:
    """Answer the five-character SQLSTATE of a PostgreSQL error, or an empty text."""
    return str(getattr(error.orig, "sqlstate", None) or "")


def is_serialization_failure(error: BaseException) -> bool:
    """Say whether the same work, repeated whole, may well succeed."""
    return isinstance(error, exc.DBAPIError) and sql_state(error) in _SERIALIZATION_FAILURES

"""Brings a database's tables up to date by Alembic's revisions.

Revisions expand before they contract, so that nodes of two versions can run
side by side on one PostgreSQL.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, MetaData, String, Table, func, inspect, select

from heliograph.storage.database.database import DatabaseTooNew
from heliograph.storage.database.engines import is_postgresql
from heliograph.storage.database.sizes import describe_sizes

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LOCK = 0x48454C494F  # "HELIO": nodes that start together upgrade one after the other
MIGRATIONS = Path(__file__).parents[1] / "migrations"
_REVISION = re.compile(r"([0-9]{4})_[a-z_]+\.py").fullmatch
_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32)))
"""Where Alembic notes what it has run. Source: its tutorial, "Running our First Migration"."""


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the revisions that this database has not seen, in the caller's transaction.

    Raises DatabaseTooNew where it has seen one that is not here.
    """
    if is_postgresql(connection):
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    if revision == "head":
        present, newest = _present(connection), head()
        if present == newest:
            return
        if present is not None and present > newest:
            raise DatabaseTooNew(
                f"the database is of a newer Heliograph (revision {present}; this one knows "
                f"{newest}): run that version, or restore a backup from before the update"
            )
    # Not before there is something to run: it brings ten megabytes that would stay.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    if not is_postgresql(connection):
        describe_sizes(connection)


def head() -> str:
    """Answer the newest revision: files are named for theirs, which are counted up."""
    found = filter(None, (_REVISION(path.name) for path in (MIGRATIONS / "versions").iterdir()))
    return max(match[1] for match in found)


def _present(connection: Connection) -> str | None:
    """Answer the revision that a database is at; None for one without tables."""
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar_one_or_none()

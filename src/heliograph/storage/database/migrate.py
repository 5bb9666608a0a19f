"""Brings a database's tables up to date by Alembic's revisions.

Revisions expand before they contract, so that nodes of two versions can run
side by side on one PostgreSQL.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select

from heliograph.storage.database.engines import is_postgresql
from heliograph.storage.database.sizes import describe_sizes

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LOCK = 0x48454C494F  # "HELIO": nodes that start together upgrade one after the other


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the revisions that this database has not seen, in the caller's transaction."""
    if is_postgresql(connection):
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    if revision == "head" and _is_current(connection):
        return
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    if not is_postgresql(connection):
        describe_sizes(connection)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    return config


def _is_current(connection: Connection) -> bool:
    """Say whether there is nothing to run."""
    return MigrationContext.configure(connection).get_current_revision() == _head()


@cache
def _head() -> str | None:
    # They are files of this package, and reading them takes a while.
    return ScriptDirectory.from_config(_config()).get_current_head()

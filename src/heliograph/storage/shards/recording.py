"""Writes the records of a page's deliveries.

A page's records arrive in the order of their key. On PostgreSQL they are
copied in; what may be there already goes by way of an upsert.

Source: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import asyncpg
from sqlalchemy import func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.util import await_only

from heliograph.storage.database.bulk import insert_in_pieces
from heliograph.storage.database.engines import POSTGRESQL
from heliograph.storage.database.spelling import spell_statement
from heliograph.storage.tables.tables import deliveries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from heliograph.core.model.delivery import DeliveryRow

_COLUMNS = [column.name for column in deliveries.columns]
_KEYS = [column.name for column in deliveries.primary_key.columns]
_FIXED = (*_KEYS, "is_registered")


def record(
    connection: Connection,
    notification_id: bytes,
    rows: Sequence[DeliveryRow],
    *,
    are_new: bool,
) -> None:
    """Write records; what an earlier one knew and this one does not is kept.

    are_new: none of them should be there already.
    """
    if not rows:
        return
    values = [(notification_id, *row) for row in rows]
    if not (are_new and _copy(connection, values)):
        _put(connection, values)


def _copy(connection: Connection, values: Sequence[tuple[Any, ...]]) -> bool:
    """Copy records in; False, with nothing changed, where one is there after all."""
    driver = connection.connection.driver_connection
    assert driver is not None
    try:
        with connection.begin_nested():
            await_only(
                driver.copy_records_to_table(deliveries.name, records=values, columns=_COLUMNS)
            )
    except asyncpg.UniqueViolationError:
        return False
    return True


def _put(connection: Connection, values: Sequence[tuple[Any, ...]]) -> None:
    engine = connection.dialect.name
    if engine == POSTGRESQL:
        connection.exec_driver_sql(_upsert(engine), values)
    else:
        insert_in_pieces(connection, _upsert(engine), values)


@cache
def _upsert(engine: str) -> str:
    """Spell the statement once; after that rows meet no processing on the way."""
    is_postgresql = engine == POSTGRESQL
    new: Any = (postgresql.insert if is_postgresql else sqlite.insert)(deliveries)
    changing = {name: new.excluded[name] for name in _COLUMNS if name not in _FIXED}
    changing["provider"] = func.coalesce(new.excluded.provider, deliveries.c.provider)
    statement = new.on_conflict_do_update(index_elements=_KEYS, set_=changing)
    return spell_statement(statement, engine)[0]

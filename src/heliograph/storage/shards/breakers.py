"""Breakers in a database: every node reads them with its pages and writes them with its commits.

Of two writings the higher version holds, so that a node that lags behind
changes nothing.

Source: docs/decisions/0014-breaker.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import LargeBinary, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.ids import Id
from heliograph.core.model.breaker import Breaker, BreakerCause, BreakerKey, BreakerState
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.storage.database.engines import is_postgresql
from heliograph.storage.database.spelling import Statement
from heliograph.storage.shards.announcing import announce
from heliograph.storage.tables.tables import breakers, shards

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.storage.database.database import Database

_KEYS = ("application_id", "provider", "environment")
_READ = select(breakers)
_OF_APPLICATION = Statement(
    lambda _: _READ.where(
        breakers.c.application_id == bindparam("application", type_=LargeBinary)
    ).order_by(breakers.c.provider, breakers.c.environment)
)


class SqlBreakers:
    """Breakers in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def breakers(self, application_id: Id) -> Sequence[Breaker]:
        """List the breakers of an application that ever opened."""
        return await self._database.read(
            lambda connection: read_breakers(connection, application_id)
        )

    async def close_breaker(self, key: BreakerKey, *, now: datetime) -> Breaker | None:
        """Close a breaker and make what it held due; None if it never opened."""

        def work(connection: Connection) -> Breaker | None:
            return close_breaker(connection, key, now)

        return await self._database.write(work)


def read_breakers(connection: Connection, application_id: Id) -> list[Breaker]:
    """Read the breakers of an application."""
    rows = _OF_APPLICATION.run(connection, application=application_id).all()
    return [_to_breaker(row) for row in rows]


def write_breakers(connection: Connection, changed: Sequence[Breaker], now: datetime) -> None:
    """Write what changed; deliveries that a closed breaker held are due at once."""
    insert = postgresql.insert if is_postgresql(connection) else sqlite.insert
    for breaker in sorted(changed, key=lambda breaker: breaker.key):
        row = _row_of(breaker)
        new = insert(breakers).values(row)
        connection.execute(
            new.on_conflict_do_update(
                index_elements=list(_KEYS),
                set_={name: new.excluded[name] for name in row if name not in _KEYS},
                where=breakers.c.version < new.excluded.version,
            )
        )
    for application_id in {each.key.application_id for each in changed if not each.is_open}:
        make_due(connection, application_id, now)


def close_breaker(connection: Connection, key: BreakerKey, now: datetime) -> Breaker | None:
    """Close a breaker by hand, or because its credential has changed; answer it."""
    row = connection.execute(_READ.where(*_is(key)).with_for_update()).one_or_none()
    if row is None:
        return None
    former = _to_breaker(row)
    closed = replace(former, state=BreakerState.CLOSED, changed_at=now, version=former.version + 1)
    write_breakers(connection, [closed], now)
    return closed


def make_due(connection: Connection, application_id: Id, now: datetime) -> None:
    """Have an application's waiting shards looked at again, whatever they wait for."""
    connection.execute(
        update(shards)
        .where(
            ~shards.c.is_done,
            shards.c.application_id == application_id,
            shards.c.due_ms > to_ms(now),
        )
        .values(due_ms=to_ms(now))
    )
    announce(connection)


def _is(key: BreakerKey) -> tuple[Any, ...]:
    return (
        breakers.c.application_id == key.application_id,
        breakers.c.provider == key.provider.value,
        breakers.c.environment == key.environment.value,
    )


def _row_of(breaker: Breaker) -> dict[str, Any]:
    return {
        "application_id": breaker.key.application_id,
        "provider": breaker.key.provider.value,
        "environment": breaker.key.environment.value,
        "state": breaker.state.value,
        "cause": breaker.cause.value,
        "reason": breaker.reason,
        "credential_id": breaker.credential_id,
        "opened_ms": to_ms(breaker.opened_at),
        "changed_ms": to_ms(breaker.changed_at),
        "probe_ms": to_ms(breaker.probe_at),
        "probes": breaker.probes,
        "version": breaker.version,
    }


def _to_breaker(row: Any) -> Breaker:
    return Breaker(
        key=BreakerKey(
            Id(row.application_id), ProviderName(row.provider), Environment(row.environment)
        ),
        state=BreakerState(row.state),
        cause=BreakerCause(row.cause),
        reason=row.reason,
        credential_id=Id(row.credential_id) if row.credential_id is not None else None,
        opened_at=from_ms(row.opened_ms),
        changed_at=from_ms(row.changed_ms),
        probe_at=from_ms(row.probe_ms),
        probes=row.probes,
        version=row.version,
    )

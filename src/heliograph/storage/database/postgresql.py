"""PostgreSQL through asyncpg, any number of nodes on one database."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from heliograph.storage.database.database import Lane
from heliograph.storage.database.failures import is_serialization_failure, unavailable_if_failing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

_REPEATS = 8
"""How often work that met a deadlock is repeated before its caller hears of it."""


class PostgresDatabase:
    """A pool of connections to one PostgreSQL database."""

    step_rows: int | None = None
    # One is computed here while the other one waits for the disk over there.
    writers: int = 2

    def __init__(self, url: str, *, pool_size: int = 8, timeout_s: float = 10.0) -> None:
        self.engine = _engine(make_url(url), pool_size, timeout_s)

    async def read(self, work: Callable[[Connection], T], lane: Lane = Lane.API) -> T:
        """Run work that only reads.

        A connection that died while it lay idle says so only when it is used;
        reading again, by a new one, then harms nobody.
        """
        del lane
        with unavailable_if_failing():
            try:
                return await self._read(work)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            return await self._read(work)

    async def _read(self, work: Callable[[Connection], T]) -> T:
        async with self.engine.connect() as connection:
            return await connection.run_sync(work)

    async def write(
        self,
        work: Callable[[Connection], T],
        lane: Lane = Lane.API,
        *,
        is_lasting: bool = True,
    ) -> T:
        """Run work in a transaction; a deadlock's victim is repeated whole."""
        del lane, is_lasting
        with unavailable_if_failing():
            for attempt in range(_REPEATS):
                try:
                    async with self.engine.begin() as connection:
                        return await connection.run_sync(work)
                except Exception as error:
                    if not is_serialization_failure(error) or attempt == _REPEATS - 1:
                        raise
                await asyncio.sleep(random.uniform(0, 0.01) * (attempt + 1))  # noqa: S311 - jitter
        raise AssertionError("unreachable")  # pragma: no cover

    async def write_steps(self, steps: Sequence[Callable[[Connection], bool]]) -> bool:
        """Run all steps in one transaction: here nobody waits for a single writer."""

        def run(connection: Connection) -> bool:
            return all(step(connection) for step in steps)

        return await self.write(run)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _engine(url: URL, pool_size: int, timeout_s: float) -> AsyncEngine:
    return create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=timeout_s,
        pool_use_lifo=True,
        hide_parameters=True,  # errors must not quote tokens
        connect_args={
            "timeout": timeout_s,
            "command_timeout": timeout_s,
            "server_settings": {
                "application_name": "heliograph",
                "jit": "off",
                # Planning a batch anew costs more than running it, and no plan of ours gets
                # better by knowing the values: all of them walk an index.
                "plan_cache_mode": "force_generic_plan",
                # A process that is frozen in mid-transaction must not keep its shards' rows
                # locked: others claim them when the lease is over, if they can.
                "idle_in_transaction_session_timeout": str(int(timeout_s * 1000)),
            },
        },
    )

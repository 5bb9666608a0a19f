"""Tells other nodes that there is work, by PostgreSQL's NOTIFY; SQLite has no other nodes.

A node hears it on a connection of its own, and opens that one again when it
breaks. Whatever is missed meanwhile is found by polling.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import structlog
from sqlalchemy import func, make_url, select

from heliograph.storage.database.engines import is_postgresql

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

_log = structlog.get_logger("heliograph.storage")

CHANNEL = "heliograph_work"
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
_KEEP_ALIVE_S = 30.0
_NOTIFY = select(func.pg_notify(CHANNEL, ""))


def announce(connection: Connection) -> None:
    """Say that there is work, once this transaction is committed."""
    if is_postgresql(connection):
        connection.execute(_NOTIFY)


class Listener:
    """Hears of work from other nodes."""

    def __init__(
        self, url: str, on_news: Callable[[], None], *, first_pause_s: float = FIRST_PAUSE_S
    ) -> None:
        self._url = make_url(url).set(drivername="postgresql")
        self._on_news = on_news
        self._first_pause_s = first_pause_s

    async def run(self) -> None:
        """Listen until cancelled; a connection that breaks is opened again."""
        pause_s = self._first_pause_s
        while True:
            try:
                connection = await asyncpg.connect(
                    self._url.render_as_string(hide_password=False), timeout=LONGEST_PAUSE_S
                )
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                _log.warning("listener_disconnected")
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                continue
            try:
                await self._listen(connection)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                _log.warning("listener_disconnected")
            finally:
                connection.terminate()
            pause_s = self._first_pause_s
            await asyncio.sleep(pause_s)

    async def _listen(self, connection: asyncpg.Connection) -> None:
        """Listen on one connection until it breaks."""
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _: ended.set())
        await connection.add_listener(CHANNEL, lambda *_: self._on_news())
        # What was announced while nobody listened.
        self._on_news()
        while not ended.is_set():
            try:
                await asyncio.wait_for(ended.wait(), _KEEP_ALIVE_S)
            except TimeoutError:
                # A peer that is silently gone is noticed by asking it something.
                await connection.execute("SELECT 1", timeout=_KEEP_ALIVE_S)
        raise ConnectionResetError

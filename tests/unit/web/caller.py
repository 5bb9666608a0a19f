"""Connections to a server without sockets: writes are kept, and time passes when told to."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from tests.unit.web.stubs import NO_CORE, dialect, route
from uvicorn.server import ServerState

from heliograph.config import Config
from heliograph.web.application import Application
from heliograph.web.door import OpenDoor
from heliograph.web.http_exchange import Departures
from heliograph.web.http_protocol import BoundedProtocol
from heliograph.web.server import Guard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from heliograph.web.dialect import Handler

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"


class Wire(asyncio.Transport):
    """Keeps what is written, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        """Nothing is read from here."""

    def resume_reading(self) -> None:
        """Nothing is read from here."""

    @property
    def text(self) -> bytes:
        return b"".join(self.writes)


class Clock:
    """A loop's time, which passes when it is told to. Everything else is the loop's own."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._now = 0.0
        self._timers: list[tuple[float, asyncio.TimerHandle, Callable[[], None]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def time(self) -> float:
        return self._now

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(0, callback, (), self._loop)
        self._timers.append((self._now + delay_s, handle, callback))
        return handle

    def advance(self, seconds: float) -> None:
        end = self._now + seconds
        while due := [timer for timer in self._timers if timer[0] <= end]:
            self._now, handle, callback = timer = min(due, key=lambda each: each[0])
            self._timers.remove(timer)
            if not handle.cancelled():
                callback()
        self._now = end


class Caller:
    """A connection to an application with one route, without a socket.

    beside: another connection to the same server.
    """

    def __init__(self, handler: Handler, beside: Caller | None = None) -> None:
        routes = [route(method, "/a", handler) for method in ("GET", "POST", "HEAD")]
        application = Application(NO_CORE, [OpenDoor(dialect("one", *routes))], Config())
        config = uvicorn.Config(
            Guard(application), lifespan="off", log_config=None, timeout_keep_alive=5
        )
        config.load()
        self.state = beside.state if beside else ServerState()
        self.departures = beside.departures if beside else Departures()
        self.wire = Wire()
        self.clock = Clock()
        self.protocol = BoundedProtocol(
            config,
            self.state,
            {},
            head_timeout_s=5,
            departures=self.departures,
            _loop=self.clock,
        )
        self.protocol.access_log = False
        self.protocol.connection_made(self.wire)

    async def send(self, raw: bytes) -> bytes:
        """Send bytes, and wait for what they are answered."""
        self.protocol.data_received(raw)
        return await self.answered()

    async def answered(self) -> bytes:
        """Wait until everything is answered; answer all that was written."""
        while self.state.tasks:
            await asyncio.gather(*self.state.tasks)
        return self.wire.text


@asynccontextmanager
async def calling(handler: Handler, beside: Caller | None = None) -> AsyncIterator[Caller]:
    caller = Caller(handler, beside)
    yield caller
    caller.protocol.connection_lost(None)

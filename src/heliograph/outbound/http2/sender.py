"""The sender: batches in, results out, over a connection that it keeps alive."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from heliograph.outbound.http2.batch import Batch
from heliograph.outbound.http2.connection import Connection
from heliograph.outbound.http2.deadlines import TimerWheel
from heliograph.outbound.http2.dial import dial_tls
from heliograph.outbound.http2.messages import Lost
from heliograph.outbound.http2.settings import SenderSettings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from heliograph.outbound.http2.messages import Headers, Reply, Request

_DEFAULT_SETTINGS: Final = SenderSettings()
_HTTPS_PORT: Final = 443
_TICK_S: Final = 0.05
_LONGEST_TIMEOUT_S: Final = 86_400.0
_CLOSE_TIMEOUT_S: Final = 2.0
# Requests started in one loop turn: more would hold up everything else on the loop.
_SLICE: Final = 250
# Requests a batch may start before the next one has its turn, so that a
# single message does not wait for a whole page of a broadcast.
_TURN: Final = 25


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sender connects to."""

    host: str
    port: int = _HTTPS_PORT

    @property
    def authority(self) -> bytes:
        """The value of `:authority`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (host if self.port == _HTTPS_PORT else f"{host}:{self.port}").encode("ascii")


class Dial(Protocol):
    """How a sender reaches its origin."""

    async def __call__(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext,
        make_protocol: Callable[[], asyncio.BaseProtocol],
    ) -> None:
        """Connect a new protocol; raises OSError or ValueError."""
        ...


class Http2Sender:
    """Sends batches of requests to one origin with one credential.

    It connects when there is something to send. Requests that a server
    certainly did not process are sent again; nothing else ever is. Used from
    one event loop.
    """

    def __init__(
        self,
        origin: Origin,
        tls: ssl.SSLContext,
        *,
        settings: SenderSettings = _DEFAULT_SETTINGS,
        dial: Dial = dial_tls,
    ) -> None:
        self._origin = origin
        self._authority = origin.authority
        self._tls = tls
        self._settings = settings
        self._dial = dial
        self._queue: deque[Batch] = deque()
        self._deadlines: TimerWheel[Batch] = TimerWheel(_TICK_S)
        self._connection: Connection | None = None
        self._connections: set[Connection] = set()  # the draining ones included
        self._connecting: asyncio.Task[None] | None = None
        self._fruitless_connections = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_timer_slow = False
        self._is_pump_due = False
        self._is_closed = False

    async def send(
        self,
        shared_headers: Headers,
        requests: Sequence[Request],
        *,
        method: bytes = b"POST",
        timeout_s: float = 30.0,
    ) -> list[Reply | Lost]:
        """Send a batch; return one result per request, in their order.

        shared_headers: the fields all requests have in common, best the same
        object for every batch of a notification, since they are encoded once
        per object and connection. timeout_s: for the whole batch, waiting for
        a connection included. Network trouble is a result, never an
        exception. Cancelling resets what is under way and leaves the
        connection usable.
        """
        loop = asyncio.get_running_loop()
        batch = Batch(
            requests,
            shared_headers,
            method,
            done=loop.create_future(),
            max_replays=self._settings.max_replays,
            on_waiting=self._enqueue,
        )
        if not requests:
            return []
        if self._is_closed:
            batch.give_up(Lost(is_unprocessed=True, detail="the sender is closed"))
            return batch.results()
        self._deadlines.add(batch, loop.time() + min(timeout_s, _LONGEST_TIMEOUT_S))
        self._enqueue(batch)
        self._pump()
        self._arm_timer()
        try:
            await batch.done
        except asyncio.CancelledError:
            self._withdraw(batch, "cancelled")
            raise
        finally:
            self._deadlines.discard(batch)
        return batch.results()

    async def aclose(self) -> None:
        """Close every connection; what is under way or waiting is lost."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        connections = [*self._connections]
        for connection in connections:
            connection.close()
        self._give_up_queue(Lost(is_unprocessed=True, detail="the sender was closed"))
        if connections:
            closed = [connection.closed for connection in connections]
            await asyncio.wait(closed, timeout=_CLOSE_TIMEOUT_S)
            for connection in connections:
                connection.abort("the sender was closed")

    # --- Requests onto connections ------------------------------------------

    def _enqueue(self, batch: Batch) -> None:
        if not batch.is_queued:
            batch.is_queued = True
            self._queue.append(batch)

    def _pump_soon(self) -> None:
        if not self._is_pump_due:
            self._is_pump_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        """Start as many waiting requests as there is room for, one slice at a time."""
        self._is_pump_due = False
        connection = self._connection
        if connection is None:
            if self._queue and self._connecting is None and not self._is_closed:
                self._connecting = asyncio.get_running_loop().create_task(self._connect())
            return
        budget = _SLICE
        while self._queue and budget and connection.has_room:
            batch = self._queue.popleft()
            budget -= self._start_some(connection, batch, min(budget, _TURN))
            batch.is_queued = False
            if batch.has_waiting:
                self._enqueue(batch)
        connection.flush_soon()
        if not budget:
            self._pump_soon()
        if not connection.is_usable:
            self._on_change(connection)  # It ran out of stream ids.

    def _start_some(self, connection: Connection, batch: Batch, limit: int) -> int:
        started = 0
        while started < limit and batch.has_waiting and connection.has_room:
            index = batch.take()
            request = batch.requests[index]
            connection.session.start(batch, index, request, batch.shared, batch.method)
            started += 1
        return started

    def _withdraw(self, batch: Batch, reason: str) -> None:
        """Settle what is left of a batch, wherever it is."""
        unsent = Lost(is_unprocessed=True, detail=f"never sent: {reason}")
        batch.give_up(unsent)
        for connection in [*self._connections]:
            unanswered = Lost(is_unprocessed=False, detail=f"no reply: {reason}")
            connection.cancel(batch, unanswered)
            self._on_change(connection)

    def _give_up_queue(self, result: Lost) -> None:
        for batch in self._queue:
            batch.is_queued = False
            batch.give_up(result)
        self._queue.clear()

    # --- Connections --------------------------------------------------------

    async def _connect(self) -> None:
        """Open the connection, or settle everything that waits for it."""
        connection: Connection | None = None

        def make_connection() -> Connection:
            nonlocal connection
            connection = Connection(self._authority, self._settings, self._on_change)
            return connection

        reason = "the server did not open the session"
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                await self._dial(self._origin.host, self._origin.port, self._tls, make_connection)
                if connection is not None:
                    await connection.ready
                    reason = connection.session.fault
        except TimeoutError:
            reason = "no connection in time"
        except (OSError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
        finally:
            self._connecting = None
            if self._is_closed:
                reason = "the sender was closed"
            if connection is not None and reason:
                connection.abort(reason)
        if connection is None or reason:
            self._give_up_queue(Lost(is_unprocessed=True, detail=f"cannot connect: {reason}"))
            return
        self._connection = connection
        self._connections.add(connection)
        self._on_change(connection)
        self._arm_timer()

    def _on_change(self, connection: Connection) -> None:
        """See what a connection needs after something happened to it."""
        session = connection.session
        if connection is self._connection and not connection.is_usable:
            self._connection = None
            self._note_end(connection)
        if connection in self._connections:
            if connection.closed.done():
                self._connections.discard(connection)
            elif session.is_draining and not session.open_streams:
                connection.close()
        if self._queue:
            self._pump_soon()

    def _note_end(self, connection: Connection) -> None:
        """Give up what waits when connection after connection ends without one reply."""
        session = connection.session
        if session.had_reply or not self._queue:
            self._fruitless_connections = 0
            return
        self._fruitless_connections += 1
        if self._fruitless_connections > self._settings.max_replays:
            self._fruitless_connections = 0
            detail = session.fault or "the server ends every connection"
            lost = Lost(is_unprocessed=True, detail=detail, goaway_debug=session.goaway_debug)
            self._give_up_queue(lost)

    # --- Time ---------------------------------------------------------------

    def _arm_timer(self) -> None:
        """Keep one timer running: fast while requests wait, slow for idle connections."""
        if self._is_closed:
            return
        if self._timer is not None:
            if not (self._is_timer_slow and self._deadlines):
                return
            self._timer.cancel()
        self._is_timer_slow = not self._deadlines
        delay_s = min(1.0, self._settings.ping_interval_s / 4) if self._is_timer_slow else _TICK_S
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _tick(self) -> None:
        now = asyncio.get_running_loop().time()
        self._timer = None
        for batch in self._deadlines.expire(now):
            self._withdraw(batch, "the time was up")
        for connection in [*self._connections]:
            connection.check_peer(now)
        if self._deadlines or self._connections:
            self._arm_timer()

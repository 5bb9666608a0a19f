"""The connections of one sender: opened one at a time, drained, replaced."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final, Protocol

from heliograph.outbound.http2.connection import Connection
from heliograph.outbound.http2.messages import Lost

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from heliograph.outbound.http2.origin import Origin
    from heliograph.outbound.http2.settings import SenderSettings

_CLOSE_TIMEOUT_S: Final = 2.0
# After a further connection failed, the ones there are have to do for a while.
_PAUSE_AFTER_FAILURE_S: Final = 5.0


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


class Fleet:
    """Opens and keeps connections; it knows nothing of the requests that wait.

    usable: those that take requests, now or later. on_room: called when
    requests may find room. on_hopeless: called with the reason when what waits
    has nowhere to go.
    """

    def __init__(
        self,
        origin: Origin,
        tls: ssl.SSLContext,
        settings: SenderSettings,
        dial: Dial,
        *,
        on_room: Callable[[], None],
        on_hopeless: Callable[[Lost], None],
    ) -> None:
        self.usable: list[Connection] = []
        self.all: set[Connection] = set()  # the draining ones included
        self._origin = origin
        self._tls = tls
        self._settings = settings
        self._dial = dial
        self._on_room = on_room
        self._on_hopeless = on_hopeless
        self._opening: asyncio.Task[None] | None = None
        self._opens_not_before = 0.0
        self._fruitless = 0
        self._is_closed = False

    def open_if_needed(self, tried: Sequence[Connection]) -> None:
        """Open a connection for requests that found no room, if that would help them.

        tried: those of the usable ones that were open to them.
        """
        if self._opening is not None or self._is_closed:
            return
        loop = asyncio.get_running_loop()
        if self.usable:
            is_bound = all(each.session.is_stream_limit_binding for each in tried)
            may_open = len(self.usable) < self._settings.max_connections
            if not (is_bound and may_open and loop.time() >= self._opens_not_before):
                return
        self._opening = loop.create_task(self._open())

    def check(self, now: float) -> None:
        """See whether the servers are alive; called now and then with the loop's time."""
        for connection in [*self.all]:
            connection.check_peer(now)

    def close(self) -> None:
        """Close every connection; what is under way is lost."""
        self._is_closed = True
        if self._opening is not None:
            self._opening.cancel()
        for connection in [*self.all]:
            connection.close()

    async def wait_closed(self) -> None:
        """Wait for a moment until the servers have said goodbye as well, then hang up."""
        if self._opening is not None:
            await asyncio.wait([self._opening])
        connections = [*self.all]
        if connections:
            closed = [connection.closed for connection in connections]
            await asyncio.wait(closed, timeout=_CLOSE_TIMEOUT_S)
        for connection in connections:
            connection.abort("the sender was closed")

    async def _open(self) -> None:
        connection: Connection | None = None

        def make_connection() -> Connection:
            nonlocal connection
            connection = Connection(self._origin.authority, self._settings, self._on_change)
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
            reason = f"{type(error).__name__}: {_said(error)}"
        finally:
            self._opening = None
            if self._is_closed:
                reason = "the sender was closed"
            if connection is not None and reason:
                connection.abort(reason)
        if connection is None or reason:
            self._note_failure(Lost(is_unprocessed=True, detail=f"cannot connect: {reason}"))
            return
        self.usable.append(connection)
        self.all.add(connection)
        self._on_change(connection)

    def _note_failure(self, lost: Lost) -> None:
        if self.usable:
            now = asyncio.get_running_loop().time()
            self._opens_not_before = now + _PAUSE_AFTER_FAILURE_S
        else:
            self._on_hopeless(lost)

    def _on_change(self, connection: Connection) -> None:
        """See what a connection needs after something happened to it."""
        session = connection.session
        if session.is_draining:
            if connection in self.usable:
                self.usable.remove(connection)
                self._note_end(connection)
            if connection in self.all and not connection.closed.done():
                if not session.open_streams:
                    connection.close()
            else:
                self.all.discard(connection)
        self._on_room()

    def _note_end(self, connection: Connection) -> None:
        """Give up what waits when connection after connection ends without one reply."""
        session = connection.session
        if session.had_reply:
            self._fruitless = 0
            return
        self._fruitless += 1
        if self._fruitless > self._settings.max_refusals and not self.usable:
            self._fruitless = 0
            detail = session.fault or "the server ends every connection"
            self._on_hopeless(Lost(True, detail, session.goaway_debug))  # noqa: FBT003 - is_unprocessed


def _said(error: OSError | ValueError) -> str:
    """Say what went wrong, without the address: a name's owner may be the one who asks for it."""
    if isinstance(error, OSError) and "Connect call failed" in str(error):
        return os.strerror(error.errno or 0)
    return str(error)

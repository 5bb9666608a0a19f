"""A network without sockets and without time, and servers on its other side."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    RequestReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError as H2ProtocolError
from h2.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class _InstantSelector(selectors.DefaultSelector):
    """Lets the loop's clock jump over every wait."""

    jumped_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if timeout is None and not ready:
            raise AssertionError("everything waits and nothing can happen")
        if not ready:
            self.jumped_s += timeout or 0
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._instant = _InstantSelector()
        super().__init__(self._instant)

    def time(self) -> float:
        return self._instant.jumped_s


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop whose waits cost no time; errors in callbacks fail it too."""
    errors: list[dict[str, Any]] = []
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: errors.append(context))
        result = runner.run(main)
    for context in errors:
        raise AssertionError(context["message"]) from context.get("exception")
    return result


class _Tls:
    def __init__(self, alpn: str | None) -> None:
        self._alpn = alpn

    def selected_alpn_protocol(self) -> str | None:
        return self._alpn


class MemoryTransport(asyncio.Transport):
    def __init__(self, protocol: Any, server: Any, alpn: str | None) -> None:
        super().__init__({"ssl_object": _Tls(alpn)})
        self.protocol = protocol
        self.server = server
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: Any) -> None:
        assert not self.is_closed
        self.writes.append(bytes(data))
        asyncio.get_running_loop().call_soon(self.server.receive, bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.drop(None)

    def abort(self) -> None:
        self.drop(None)

    def drop(self, error: Exception | None) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.server.is_gone = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, error)

    def deliver(self, data: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._deliver_now, data)

    def _deliver_now(self, data: bytes) -> None:
        if not self.is_closed and data:
            self.protocol.data_received(data)


class MemoryDial:
    """Connects every new protocol to the server that `make_server` returns."""

    def __init__(self, make_server: Callable[[], Any], alpn: str | None = "h2") -> None:
        self._make_server = make_server
        self._alpn = alpn
        self.servers: list[Any] = []

    async def __call__(self, host: str, port: int, tls: Any, make_protocol: Any) -> None:
        server = self._make_server()
        self.servers.append(server)
        protocol = make_protocol()
        server.transport = MemoryTransport(protocol, server, self._alpn)
        protocol.connection_made(server.transport)
        if not server.transport.is_closed:
            server.connected()


class H2Server:
    """An obedient server; `on_request` may be overridden or replaced."""

    transport: MemoryTransport

    def __init__(
        self,
        on_request: Callable[[Any, int, dict[bytes, bytes], bytes], None] | None = None,
        **settings: int,
    ) -> None:
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding=False))
        self.h2.local_settings = Settings(
            client=False,
            initial_values={
                _setting(name): value
                for name, value in {"max_concurrent_streams": 100, **settings}.items()
            },
        )
        self.is_gone = False
        self.requests: dict[int, tuple[dict[bytes, bytes], bytearray]] = {}
        self.order: list[int] = []
        self.resets: list[int] = []
        self.goaways: list[ConnectionTerminated] = []
        self.most_open = 0
        self._on_request = on_request or H2Server.reply

    def connected(self) -> None:
        self.h2.initiate_connection()
        self.flush()

    def receive(self, data: bytes) -> None:
        try:
            events = self.h2.receive_data(data)
        except H2ProtocolError as error:
            raise AssertionError(f"the client broke the protocol: {error!r}") from error
        for event in events:
            self.handle(event)
        self.flush()

    def handle(self, event: Any) -> None:
        if isinstance(event, RequestReceived):
            self.requests[event.stream_id] = (dict(event.headers), bytearray())
            self.order.append(event.stream_id)
            self.most_open = max(self.most_open, self.h2.open_inbound_streams)
        elif isinstance(event, DataReceived):
            self.requests[event.stream_id][1].extend(event.data)
            self.on_data(event)
        elif isinstance(event, StreamEnded):
            headers, body = self.requests[event.stream_id]
            self._on_request(self, event.stream_id, headers, bytes(body))
        elif isinstance(event, StreamReset):
            self.resets.append(event.stream_id)
        elif isinstance(event, ConnectionTerminated):
            self.goaways.append(event)

    def on_data(self, event: Any) -> None:
        if event.flow_controlled_length:
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)

    def reply(
        self, stream_id: int, headers: dict[bytes, bytes], body: bytes, status: bytes = b"200"
    ) -> None:
        echo = [(b":status", status), (b"apns-id", headers.get(b"apns-id", b"-"))]
        self.h2.send_headers(stream_id, echo, end_stream=not body)
        if body:
            self.h2.send_data(stream_id, body, end_stream=True)

    def flush(self) -> None:
        output = self.h2.data_to_send()
        if output and not self.is_gone:
            self.transport.deliver(output)


def _setting(name: str) -> Any:
    from h2.settings import SettingCodes

    return SettingCodes[name.upper()]

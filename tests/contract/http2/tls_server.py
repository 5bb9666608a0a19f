"""An HTTP/2 server over real TLS, built on the h2 library."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


@dataclass(slots=True)
class Log:
    """What the server saw over all its connections."""

    processed: Counter[bytes] = field(default_factory=Counter)
    bodies: dict[bytes, bytes] = field(default_factory=dict)
    connections: list[H2TlsServer] = field(default_factory=list)


class H2TlsServer(asyncio.Protocol):
    """One connection; `on_request` is called for each complete request."""

    transport: asyncio.Transport

    def __init__(self, log: Log, on_request: Callable[[H2TlsServer, int, bytes], None]) -> None:
        self.log = log
        self.number = len(log.connections)
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding=False))
        self.client_certificate: Any = None
        self._on_request = on_request
        self._requests: dict[int, tuple[bytes, bytearray]] = {}
        log.connections.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.client_certificate = transport.get_extra_info("peercert")
        self.h2.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            if isinstance(event, RequestReceived):
                push_id = dict(event.headers)[b"apns-id"]
                self._requests[event.stream_id] = (push_id, bytearray())
            elif isinstance(event, DataReceived):
                self._requests[event.stream_id][1].extend(event.data)
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                push_id, body = self._requests[event.stream_id]
                self.log.bodies[push_id] = bytes(body)
                self._on_request(self, event.stream_id, push_id)
        self.flush()

    def reply(self, stream_id: int, push_id: bytes) -> None:
        self.log.processed[push_id] += 1
        fields = [(b":status", b"200"), (b"apns-id", push_id)]
        self.h2.send_headers(stream_id, fields, end_stream=True)

    def flush(self) -> None:
        output = self.h2.data_to_send()
        if output and not self.transport.is_closing():
            self.transport.write(output)


def server_tls(
    certificate: Path, *, alpn: tuple[str, ...] = ("h2",), client_ca: Path | None = None
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@asynccontextmanager
async def serving(
    tls: ssl.SSLContext,
    on_request: Callable[[H2TlsServer, int, bytes], None] = H2TlsServer.reply,
) -> AsyncIterator[tuple[int, Log]]:
    """Serve on a free port of 127.0.0.1; yields the port and the log."""
    log = Log()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: H2TlsServer(log, on_request), "127.0.0.1", 0, ssl=tls, ssl_shutdown_timeout=1
    )
    try:
        yield server.sockets[0].getsockname()[1], log
    finally:
        server.close()
        for connection in log.connections:
            if hasattr(connection, "transport"):
                connection.transport.abort()
        await asyncio.sleep(0)
        await server.wait_closed()

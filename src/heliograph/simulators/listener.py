"""Listeners: a TLS socket with a fake behind it."""

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

from heliograph.simulators.exchange import CertifiedFake, Fake, Session
from heliograph.simulators.http1_server import Http1Connection
from heliograph.simulators.http2_server import Http2Connection

H2: Final = "h2"
HTTP_1_1: Final = "http/1.1"
_CLOSING_S: Final = 0.2
_BACKLOG: Final = 1024

Connection = Http1Connection | Http2Connection


class RunningFake:
    """One fake that listens."""

    def __init__(self, fake: Fake, protocols: Sequence[str]) -> None:
        self._fake = fake
        self._protocols = tuple(protocols)
        self._connections: set[Connection] = set()
        self._all_gone = asyncio.Event()
        self._is_secure = True
        self.host = ""
        self.port = 0

    @property
    def url(self) -> str:
        """Return the address to put where the provider's would stand."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self._is_secure else ''}://{host}:{self.port}"

    @property
    def connection_count(self) -> int:
        """Return how many connections are open."""
        return len(self._connections)

    async def start(
        self, host: str, port: int, certificate: Path | None, *, client_ca: Path | None = None
    ) -> None:
        """Listen; port 0 takes a free one.

        certificate: a file that holds it and its key; None for HTTP/1.1 without TLS.
        client_ca: clients may show a certificate of this authority, for a CertifiedFake.
        """
        context = None
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            context.set_alpn_protocols(list(self._protocols))
            if client_ca is not None:
                context.load_verify_locations(client_ca)
                context.verify_mode = ssl.CERT_OPTIONAL
        self._is_secure = context is not None
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Greeter(self), host, port, ssl=context, backlog=_BACKLOG
        )
        self.host = host
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Say goodbye on all connections and close."""
        self._server.close()
        for connection in tuple(self._connections):
            connection.leave()
        if self._connections:
            self._all_gone.clear()
            try:
                await asyncio.wait_for(self._all_gone.wait(), _CLOSING_S)
            except TimeoutError:
                for connection in tuple(self._connections):
                    connection.abort()
        await self._server.wait_closed()

    def connect(self, protocol: str | None, peer: bytes | None = None) -> Connection | None:
        """Make what speaks the protocol the client agreed to; None if nothing does.

        peer: the certificate that the client showed, DER.
        """
        connection: Connection
        fake = self._fake if peer is None else _Acquainted(cast("CertifiedFake", self._fake), peer)
        if protocol == H2:
            connection = Http2Connection(fake, self._forget)
        elif HTTP_1_1 in self._protocols:
            connection = Http1Connection(fake, self._forget)
        else:
            return None
        self._connections.add(connection)
        return connection

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._all_gone.set()


class _Acquainted:
    """A fake that knows whom it speaks to."""

    def __init__(self, fake: CertifiedFake, peer: bytes) -> None:
        self._fake = fake
        self._peer = peer

    def open_session(self) -> Session:
        """Begin the peer's connection."""
        return self._fake.open_certified_session(self._peer)


class _Greeter(asyncio.Protocol):
    """Hands a fresh connection to what speaks its protocol, which TLS has just settled."""

    def __init__(self, running: RunningFake) -> None:
        self._running = running

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)
        tls = cast("ssl.SSLObject | None", transport.get_extra_info("ssl_object"))
        agreed = tls.selected_alpn_protocol() if tls is not None else None
        peer = tls.getpeercert(binary_form=True) if tls is not None else None
        connection = self._running.connect(agreed, peer)
        if connection is None:
            transport.abort()
            return
        transport.set_protocol(connection)
        connection.connection_made(transport)

"""A small HTTP proxy: it opens tunnels to this machine, whatever host it is asked for."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HANDED_ON = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
"""What it answers itself to a request that is no CONNECT."""


@dataclass
class ConnectProxy:
    """What it was asked. port: where tunnels end; None: the port that was asked for."""

    port: int | None = None
    address: str = ""
    heads: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def asked(self) -> list[str]:
        """The first lines of all requests, without the protocol's name."""
        return [head.split(b"\r\n")[0].decode().removesuffix(" HTTP/1.1") for head in self.heads]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        method, target, _ = head.split(b" ", 2)
        if method != b"CONNECT":
            writer.write(HANDED_ON)
            writer.close()
            return
        port = self.port or int(target.rpartition(b":")[2])
        there, back = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_pipe(reader, back), _pipe(there, writer))
        finally:
            back.transport.abort()


@asynccontextmanager
async def proxying(port: int | None = None) -> AsyncIterator[ConnectProxy]:
    """Run a proxy on a port of its own."""
    proxy = ConnectProxy(port)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await proxy.serve(reader, writer)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while received := await source.read(65_536):
            target.write(received)
            await target.drain()
    target.close()

"""The sender through an HTTP proxy."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from tests.contract.http2.tls_server import server_tls, serving

from heliograph.outbound.http2 import Http2Sender
from heliograph.outbound.http2.messages import Lost, Reply, Request
from heliograph.outbound.http2.proxy import Proxy
from heliograph.outbound.http2.sender import Origin
from heliograph.outbound.tls import client_tls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.contract.http2.conftest import Certificates

pytestmark = pytest.mark.anyio

PUSH = Request(b"/3/device/1", b"{}", ((b"apns-id", b"1"),))


@asynccontextmanager
async def proxying(port: int, answer: bytes = b"") -> AsyncIterator[tuple[str, list[bytes]]]:
    """Run a proxy; it opens the tunnel to `port`, or says `answer` and hangs up."""
    heads: list[bytes] = []
    tasks: set[asyncio.Task[None]] = set()

    async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while received := await source.read(65_536):
                target.write(received)
                await target.drain()
        target.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        if answer:
            writer.write(answer)
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")
        await asyncio.gather(pipe(reader, back), pipe(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        server.close()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=5)
            assert not late


async def test_pushes_go_through_the_tunnel(certificates: Certificates) -> None:
    async with (
        serving(server_tls(certificates.server)) as (port, log),
        proxying(port) as (address, heads),
    ):
        proxy = Proxy.from_url(f"http://us%40er:pass@{address}")
        tls = client_tls(certificates.ca)
        sender = Http2Sender(Origin("localhost", port), tls, dial=proxy.dial)

        results = await sender.send((), [PUSH] * 300)
        await sender.aclose()

    assert all(isinstance(result, Reply) for result in results)
    assert log.processed == {b"1": 300}
    assert set(heads) == {
        b"CONNECT localhost:%d HTTP/1.1\r\nHost: localhost:%d\r\n"
        b"Proxy-Authorization: Basic dXNAZXI6cGFzcw==\r\n\r\n" % (port, port)
    }


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "the proxy answered 407"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "the proxy answered 302"),
        (b"220 mail.test ESMTP\r\n\r\n", "the proxy answered nonsense"),
        (b"HTTP/1.1 200 OK\r\n", "the proxy closed the connection"),
        (b"HTTP/1.1 200 OK\r\n\r\n\x16\x03", "the proxy sent more than its answer"),
        (b"HTTP/1.1 200 OK\r\n" + b"x" * 17_000, "the proxy's answer does not end"),
    ],
)
async def test_a_proxy_that_refuses_leaves_every_push_unprocessed(
    certificates: Certificates, answer: bytes, detail: str
) -> None:
    async with proxying(0, answer) as (address, _):
        proxy = Proxy.from_url(f"http://{address}")
        tls = client_tls(certificates.ca)
        sender = Http2Sender(Origin("push.test"), tls, dial=proxy.dial)

        [result] = await sender.send((), [PUSH])
        await sender.aclose()

    assert result == Lost(is_unprocessed=True, detail=f"cannot connect: ProxyError: {detail}")


async def test_a_proxy_cannot_pose_as_the_host(certificates: Certificates) -> None:
    async with (
        serving(server_tls(certificates.server)) as (port, log),
        proxying(port) as (address, _),
    ):
        proxy = Proxy.from_url(f"http://{address}")
        tls = client_tls(certificates.ca)
        sender = Http2Sender(Origin("push.test"), tls, dial=proxy.dial)

        [result] = await sender.send((), [PUSH])
        await sender.aclose()

    assert isinstance(result, Lost)
    assert "CERTIFICATE_VERIFY_FAILED" in result.detail
    assert not log.bodies


@pytest.mark.parametrize(
    "url",
    [
        "",
        "proxy.test:3128",
        "https://proxy.test:3128",
        "socks5://proxy.test:1080",
        "http://proxy.test",
        "http://:3128",
        "http://proxy.test:99999",
        "http://proxy.test:3128/path",
        "http://proxy.test:3128?x",
    ],
)
def test_a_url_that_names_no_proxy_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Proxy.from_url(url)


def test_a_proxys_password_is_not_printed() -> None:
    proxy = Proxy.from_url("http://user:pass@[::1]:3128/")

    assert (proxy.host, proxy.port) == ("::1", 3128)
    assert "dXNlcjpwYXNz" not in repr(proxy)
    assert proxy == Proxy("::1", 3128, b"Basic dXNlcjpwYXNz")

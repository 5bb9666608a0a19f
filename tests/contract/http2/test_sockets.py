"""The sender over real TLS sockets."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest
from tests.contract.http2.tls_server import H2TlsServer, server_tls, serving

from heliograph.outbound.http2 import Http2Sender, frames
from heliograph.outbound.http2.dial import interleave, open_socket
from heliograph.outbound.http2.messages import Lost, Reply, Request
from heliograph.outbound.http2.sender import Origin
from heliograph.outbound.http2.settings import SenderSettings
from heliograph.outbound.tls import ClientCertificate, client_tls

if TYPE_CHECKING:
    from tests.contract.http2.conftest import Certificates

pytestmark = pytest.mark.anyio

SHARED = ((b"authorization", b"bearer secret"), (b"apns-topic", b"com.example"))


def pushes(count: int, body: bytes = b'{"aps":{}}') -> list[Request]:
    return [Request(b"/3/device/%d" % n, body, ((b"apns-id", b"%d" % n),)) for n in range(count)]


def sender_to(port: int, certificates: Certificates, **settings: Any) -> Http2Sender:
    tls = client_tls(certificates.ca)
    return Http2Sender(Origin("localhost", port), tls, settings=SenderSettings(**settings))


async def test_pushes_arrive_and_replies_come_in_order(certificates: Certificates) -> None:
    async with serving(server_tls(certificates.server)) as (port, log):
        sender = sender_to(port, certificates, max_connections=1)

        results = await sender.send(SHARED, pushes(1500))
        await sender.aclose()

    assert [r.headers["apns-id"] for r in results if isinstance(r, Reply)] == [
        str(n) for n in range(1500)
    ]
    assert set(log.processed.values()) == {1}
    assert len(log.connections) == 1


async def test_large_bodies_pass_through_windows_and_back_pressure(
    certificates: Certificates,
) -> None:
    body = bytes(range(256)) * 4000
    async with serving(server_tls(certificates.server)) as (port, log):
        sender = sender_to(port, certificates)

        results = await sender.send(SHARED, pushes(5, body))
        await sender.aclose()

    assert all(isinstance(result, Reply) for result in results)
    assert all(received == body for received in log.bodies.values())


@pytest.mark.parametrize("alpn", [(), ("http/1.1",)])
async def test_a_server_without_h2_is_refused(
    certificates: Certificates, alpn: tuple[str, ...]
) -> None:
    async with serving(server_tls(certificates.server, alpn=alpn)) as (port, log):
        sender = sender_to(port, certificates)

        [result] = await sender.send(SHARED, pushes(1))
        await sender.aclose()

    assert isinstance(result, Lost)
    assert result.is_unprocessed
    assert not log.bodies


async def test_a_server_of_an_unknown_authority_gets_nothing(certificates: Certificates) -> None:
    async with serving(server_tls(certificates.server)) as (port, log):
        tls = client_tls(certificates.stranger_ca)
        sender = Http2Sender(Origin("localhost", port), tls)

        [result] = await sender.send(SHARED, pushes(1))
        await sender.aclose()

    assert isinstance(result, Lost)
    assert result.is_unprocessed
    assert "CERTIFICATE_VERIFY_FAILED" in result.detail
    assert not log.bodies


async def test_a_client_certificate_is_shown(certificates: Certificates) -> None:
    tls = server_tls(certificates.server, client_ca=certificates.ca)
    async with serving(tls) as (port, log):
        mine = client_tls(certificates.ca, ClientCertificate(certificates.client))
        sender = Http2Sender(Origin("localhost", port), mine)

        [result] = await sender.send(SHARED, pushes(1))
        await sender.aclose()

    assert isinstance(result, Reply)
    assert log.connections[0].client_certificate["subject"] == ((("commonName", "client"),),)


async def test_nobody_listening_is_unprocessed(certificates: Certificates) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        sender = sender_to(reserved.getsockname()[1], certificates)

        results = await sender.send(SHARED, pushes(3))
        await sender.aclose()

    assert all(isinstance(r, Lost) and r.is_unprocessed for r in results)


async def test_a_peer_that_falls_silent_is_given_up(certificates: Certificates) -> None:
    def die(server: H2TlsServer, stream_id: int, push_id: bytes) -> None:
        if server.number == 0:
            server.transport.pause_reading()
            server.h2.clear_outbound_data_buffer()
        else:
            server.reply(stream_id, push_id)

    async with serving(server_tls(certificates.server), die) as (port, _):
        sender = sender_to(port, certificates, dead_peer_timeout_s=0.3)

        [first] = await sender.send(SHARED, pushes(1), timeout_s=20)
        [second] = await sender.send(SHARED, pushes(1), timeout_s=20)
        await sender.aclose()

    assert first == Lost(is_unprocessed=False, detail="the server does not answer")
    assert isinstance(second, Reply)


async def test_a_connection_dropped_in_a_burst_doubles_nothing(certificates: Certificates) -> None:
    def reply(server: H2TlsServer, stream_id: int, push_id: bytes) -> None:
        server.reply(stream_id, push_id)
        if server.number < 2 and stream_id > 301:
            server.transport.abort()

    async with serving(server_tls(certificates.server), reply) as (port, log):
        sender = sender_to(port, certificates)

        results = await sender.send(SHARED, pushes(1000))
        await sender.aclose()

    assert len(results) == 1000
    assert max(log.processed.values()) == 1
    for n, result in enumerate(results):
        processed = log.processed[b"%d" % n]
        if isinstance(result, Reply):
            assert processed == 1
        elif result.is_unprocessed:
            assert processed == 0
    assert sum(isinstance(result, Lost) for result in results) > 0
    assert isinstance(results[-1], Reply)


@pytest.mark.parametrize("connections", [1, 4])
async def test_goaway_in_a_burst_loses_and_doubles_nothing(
    certificates: Certificates, connections: int
) -> None:
    def reply(server: H2TlsServer, stream_id: int, push_id: bytes) -> None:
        cut = 201
        if server.number < 2 and stream_id > cut:
            if stream_id == cut + 2:
                server.flush()
                server.transport.write(frames.goaway_frame(2**31 - 1, 0))
                server.transport.write(frames.goaway_frame(cut, 0))
            return
        server.reply(stream_id, push_id)

    async with serving(server_tls(certificates.server), reply) as (port, log):
        sender = sender_to(port, certificates, max_connections=connections)

        results = await sender.send(SHARED, pushes(1000))
        await sender.aclose()

    assert all(isinstance(result, Reply) for result in results)
    assert set(log.processed.values()) == {1}
    assert len(log.connections) >= 3


async def test_a_cancelled_batch_leaves_the_connection_usable(certificates: Certificates) -> None:
    arrived = asyncio.Event()

    def reply(server: H2TlsServer, stream_id: int, push_id: bytes) -> None:
        if stream_id == 1:
            arrived.set()
        else:
            server.reply(stream_id, push_id)

    async with serving(server_tls(certificates.server), reply) as (port, log):
        sender = sender_to(port, certificates)
        task = asyncio.create_task(sender.send(SHARED, pushes(1)))
        await arrived.wait()

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        [result] = await sender.send(SHARED, pushes(1))
        await sender.aclose()

    assert isinstance(result, Reply)
    assert len(log.connections) == 1


class Detour:
    """A loop on which a name has two addresses, and the first may never answer."""

    def __init__(self, targets: list[Any], *, is_first_silent: bool = False) -> None:
        self._loop = asyncio.get_running_loop()
        self._targets = targets
        self._silent = targets[0] if is_first_silent else None

    async def getaddrinfo(self, host: str, port: int, *, type: int) -> list[Any]:  # noqa: A002
        return [(socket.AF_INET, type, 0, "", target) for target in self._targets]

    async def sock_connect(self, candidate: socket.socket, target: Any) -> None:
        if target == self._silent:
            await asyncio.Event().wait()
        await self._loop.sock_connect(candidate, target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


@pytest.mark.parametrize("is_first_silent", [False, True])
async def test_an_address_that_fails_gives_way_to_the_next(
    monkeypatch: pytest.MonkeyPatch, is_first_silent: bool
) -> None:
    with socket.socket() as listener, socket.socket() as closed:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        closed.bind(("127.0.0.1", 0))
        targets = [closed.getsockname(), listener.getsockname()]
        detour = Detour(targets, is_first_silent=is_first_silent)

        with monkeypatch.context() as patch:
            patch.setattr(asyncio, "get_running_loop", lambda: detour)
            connected = await open_socket("push.test", 443)
        assert connected.getpeername() == targets[1]
        connected.close()

        with pytest.raises(ConnectionRefusedError):
            await open_socket("127.0.0.1", targets[0][1])


def test_address_families_take_turns() -> None:
    six = [(socket.AF_INET6, 1, 6, "", (f"::{n}", 1)) for n in range(3)]
    four = [(socket.AF_INET, 1, 6, "", (f"127.0.0.{n}", 1)) for n in range(1)]

    assert interleave([*six, *four]) == [six[0], four[0], six[1], six[2]]
    assert interleave([]) == []

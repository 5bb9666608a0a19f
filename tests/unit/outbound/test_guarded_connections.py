"""Connections to strangers' hosts: what a name leads to is checked when it is connected to."""

import asyncio
import socket
import ssl
import threading

import pytest

from heliograph.outbound.guard import (
    AddressRefused,
    Guard,
)
from heliograph.outbound.http1 import Http1Client, OutboundError
from heliograph.outbound.http2.dial import look_up


def answering(*answers):
    """Answer a look-up that gives these addresses, one list a time, and the count of calls."""
    left = list(answers)

    async def look_up(host, port):
        del host
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [
            (
                socket.AF_INET6 if ":" in each else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (each, port),
            )
            for each in addresses
        ]

    return look_up


@pytest.mark.anyio
@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:10.0.0.1"],
        ["fe80::1%eth0"],
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
        ["2606:4700::1111", "10.0.0.1", "8.8.8.8"],
        ["8.8.8.8", "64:ff9b::a9fe:a9fe"],
    ],
)
async def test_one_bad_address_refuses_the_host(addresses):
    guard = Guard(look_up=answering(addresses))

    with pytest.raises(AddressRefused):
        await guard.resolve("example.com", 443)
    with pytest.raises(AddressRefused):
        await guard.dial("example.com", 443, ssl.create_default_context(), asyncio.Protocol)


@pytest.mark.anyio
async def test_good_addresses_are_handed_to_aiohttp_as_they_are():
    resolver = Guard(look_up=answering(["8.8.8.8", "2606:4700::1111"])).resolver()

    found = await resolver.resolve("example.com", 443)
    await resolver.close()

    assert [each["host"] for each in found] == ["8.8.8.8", "2606:4700::1111"]
    assert {each["flags"] for each in found} == {socket.AI_NUMERICHOST | socket.AI_NUMERICSERV}


@pytest.mark.anyio
async def test_an_address_that_flips_after_the_check_is_not_connected_to(listening):
    port, greeted = listening
    guard = Guard(look_up=answering(["8.8.8.8"], ["127.0.0.1"]))
    client = Http1Client(ssl.create_default_context(), guard=guard)

    await guard.resolve("example.com", port)
    with pytest.raises(OutboundError, match="may not be reached") as caught:
        await client.request("POST", f"http://example.com:{port}/")

    await client.aclose()
    assert caught.value.is_unprocessed
    assert not greeted


@pytest.mark.anyio
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "127.1", "0x7f.1"]
)
async def test_a_host_that_never_was_checked_is_not_connected_to_either(host, listening):
    port, greeted = listening
    client = Http1Client(ssl.create_default_context(), guard=Guard())

    with pytest.raises(OutboundError):
        await client.request("POST", f"http://{host}:{port}/")

    await client.aclose()
    assert not greeted


@pytest.mark.anyio
async def test_an_allowed_network_is_connected_to_and_its_redirect_is_not_followed(
    listening, monkeypatch
):
    port, greeted = listening
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    client = Http1Client(ssl.create_default_context(), guard=Guard(["127.0.0.0/8"]))

    reply = await client.request("POST", f"http://127.0.0.1:{port}/")

    await client.aclose()
    assert reply.status == 307
    assert len(greeted) == 1


@pytest.mark.anyio
async def test_a_name_that_leads_to_an_allowed_network_is_connected_to(listening):
    port, greeted = listening
    guard = Guard(["127.0.0.0/8"], look_up=answering(["127.0.0.1"]))
    client = Http1Client(ssl.create_default_context(), guard=guard)

    reply = await client.request("POST", f"http://gateway:{port}/")

    await client.aclose()
    assert reply.status == 307
    assert len(greeted) == 1


@pytest.fixture
async def listening():
    """A server that sends everybody to the metadata service, its port, and who came."""
    greeted = []

    async def serve(reader, writer):
        greeted.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(
            b"HTTP/1.1 307 x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], greeted
    server.close()
    await server.wait_closed()


@pytest.mark.anyio
async def test_strangers_names_that_nobody_answers_for_hold_up_no_other_lookup(monkeypatch):
    is_over, found = threading.Event(), socket.getaddrinfo

    def ask(host, port, *args, **rest):
        if host == "silent.example":
            is_over.wait(10)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return found("127.0.0.1", port, *args, **rest)

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    guard = Guard(["127.0.0.0/8"])
    waiting = [asyncio.create_task(guard.resolve("silent.example", 443)) for _ in range(100)]
    await asyncio.sleep(0)

    async with asyncio.timeout(5):
        strangers = await guard.resolve("hooks.example", 443)
        own = await look_up("api.push.apple.com", 443)

    assert strangers[0][4] == own[0][4] == ("127.0.0.1", 443)
    is_over.set()
    assert {type(each) for each in await asyncio.gather(*waiting, return_exceptions=True)} == {
        socket.gaierror
    }

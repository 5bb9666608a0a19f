"""Everything that leaves through the operator's proxy, and what it is asked for."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from tests.connect_proxy import proxying
from tests.contract.http2.test_http1 import serving as serving_http1
from tests.contract.http2.tls_server import server_tls, serving

from heliograph.outbound.guard import Guard
from heliograph.outbound.http1 import Http1Client, OutboundError
from heliograph.outbound.http2 import Http2Sender
from heliograph.outbound.http2.messages import Lost, Reply, Request
from heliograph.outbound.http2.proxy import Proxy
from heliograph.outbound.http2.sender import Origin
from heliograph.outbound.tls import client_tls, plain_client_tls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tests.contract.http2.conftest import Certificates

    from heliograph.outbound.http2.dial import AddressInfo

pytestmark = pytest.mark.anyio

PUSH = Request(b"/push/1", b"{}", ((b"apns-id", b"1"),))
PUBLIC = "93.184.216.34"
SECRET = "Basic dXNlcjpwYXNz"


def answering(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[AddressInfo]]]:
    """A look-up that finds these addresses for every name, and none if there are none."""

    async def look_up(host: str, port: int) -> Sequence[AddressInfo]:
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
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


def guard_of(url: str, *addresses: str, **rest: Any) -> Guard:
    proxy = Proxy.from_url(url.replace("http://", "http://user:pass@"))
    return Guard(rest.pop("allowed", ()), answering(*addresses), proxy=proxy, **rest)


async def test_an_operators_own_host_is_asked_for_by_its_name(certificates: Certificates) -> None:
    async with serving_http1(certificates) as url, proxying() as proxy:
        with_password = Proxy.from_url(proxy.url.replace("http://", "http://user:pass@"))
        client = Http1Client(plain_client_tls(certificates.ca), proxy=with_password)

        reply = await client.post_form(f"{url}/token", {"a": "1"})
        await client.aclose()

    assert (reply.status, reply.body) == (201, b'{"a": "1"}')
    assert proxy.asked == [f"CONNECT {url.removeprefix('https://')}"]
    assert f"Proxy-Authorization: {SECRET}\r\n".encode() in proxy.heads[0]


async def test_a_strangers_host_is_asked_for_by_the_address_that_passed(
    certificates: Certificates,
) -> None:
    async with serving_http1(certificates) as url, proxying() as proxy:
        port = int(url.rpartition(":")[2])
        guard = guard_of(proxy.url, "2606:4700::1111", PUBLIC)
        client = Http1Client(plain_client_tls(certificates.ca), guard=guard)

        replies = [await client.post_form(f"{url}/token", {"a": str(n)}) for n in range(3)]
        await client.aclose()

    # The name is still what the certificate must be of, and what the host is told.
    assert [reply.status for reply in replies] == [201] * 3
    assert proxy.asked == [f"CONNECT {PUBLIC}:{port}"]
    assert f"Proxy-Authorization: {SECRET}\r\n".encode() in proxy.heads[0]


async def test_a_strangers_http2_service_is_asked_for_by_the_address_that_passed(
    certificates: Certificates,
) -> None:
    async with serving(server_tls(certificates.server)) as (port, log), proxying() as proxy:
        guard = guard_of(proxy.url, PUBLIC)
        origin = Origin("localhost", port)
        sender = Http2Sender(origin, client_tls(certificates.ca), dial=guard.dial)

        results = await sender.send((), [PUSH] * 20)
        await sender.aclose()

    assert all(isinstance(result, Reply) for result in results)
    assert log.processed == {b"1": 20}
    assert proxy.asked == [f"CONNECT {PUBLIC}:{port}"]


@pytest.mark.parametrize("addresses", [("169.254.169.254",), (PUBLIC, "10.0.0.1"), ("::1",)])
@pytest.mark.parametrize("proxy_looks_up", [False, True])
async def test_no_proxy_is_asked_for_an_inner_address(
    certificates: Certificates, addresses: tuple[str, ...], *, proxy_looks_up: bool
) -> None:
    async with proxying() as proxy:
        guard = guard_of(
            proxy.url, *addresses, allowed=["192.0.2.0/24"], proxy_looks_up=proxy_looks_up
        )
        client = Http1Client(plain_client_tls(certificates.ca), guard=guard)
        sender = Http2Sender(Origin("example.com"), client_tls(), dial=guard.dial)

        with pytest.raises(OutboundError, match="may not be reached") as caught:
            await client.request("GET", "https://example.com/")
        [result] = await sender.send((), [PUSH])
        await sender.aclose()
        await client.aclose()

    assert caught.value.is_unprocessed
    assert isinstance(result, Lost)
    assert result.is_unprocessed
    assert proxy.heads == []


@pytest.mark.parametrize("host", ["10.0.0.1", "[::1]", "169.254.169.254"])
async def test_what_is_no_name_is_looked_at_whoever_looks_names_up(host: str) -> None:
    async with proxying() as proxy:
        guard = guard_of(proxy.url, host.strip("[]"), proxy_looks_up=True)
        client = Http1Client(plain_client_tls(), guard=guard)

        with pytest.raises(OutboundError, match="may not be reached"):
            await client.request("GET", f"https://{host}/")
        await client.aclose()

    assert proxy.heads == []


@pytest.mark.parametrize("allowed", [(), ("10.0.0.0/8",)])
async def test_a_proxy_that_looks_names_up_is_told_the_name(
    certificates: Certificates, allowed: tuple[str, ...]
) -> None:
    async with serving_http1(certificates) as url, proxying() as proxy:
        # Behind such a proxy, outer names may not even be known here.
        guard = guard_of(proxy.url, allowed=allowed, proxy_looks_up=True)
        client = Http1Client(plain_client_tls(certificates.ca), guard=guard)

        reply = await client.post_form(f"{url}/token", {})
        await client.aclose()

    assert reply.status == 201
    assert proxy.asked == [f"CONNECT {url.removeprefix('https://')}"]


async def test_a_name_that_nobody_knows_is_said_to_be_unreachable() -> None:
    async with proxying() as proxy:
        client = Http1Client(plain_client_tls(), guard=guard_of(proxy.url))

        with pytest.raises(OutboundError, match="cannot connect") as caught:
            await client.request("GET", "https://example.com/")
        await client.aclose()

    assert caught.value.is_unprocessed
    assert proxy.heads == []


@pytest.mark.parametrize("proxy_looks_up", [False, True])
async def test_networks_of_the_operators_own_are_reached_without_it(
    certificates: Certificates, *, proxy_looks_up: bool
) -> None:
    async with (
        serving_http1(certificates) as url,
        serving(server_tls(certificates.server)) as (port, log),
        proxying() as proxy,
    ):
        guard = guard_of(
            proxy.url, "127.0.0.1", allowed=["127.0.0.0/8"], proxy_looks_up=proxy_looks_up
        )
        client = Http1Client(plain_client_tls(certificates.ca), guard=guard)
        origin = Origin("localhost", port)
        sender = Http2Sender(origin, client_tls(certificates.ca), dial=guard.dial)

        reply = await client.post_form(f"{url}/token", {})
        await sender.send((), [PUSH])
        await sender.aclose()
        await client.aclose()

    assert reply.status == 201
    assert log.processed == {b"1": 1}
    assert proxy.heads == []


async def test_without_tls_the_proxy_is_given_the_request_itself() -> None:
    async with proxying() as proxy:
        client = Http1Client(plain_client_tls(), guard=guard_of(proxy.url, PUBLIC))

        reply = await client.request("GET", "http://sms.example.com:8080/send?to=%2B49")
        await client.aclose()

    assert (reply.status, reply.body) == (200, b"ok")
    assert proxy.asked == ["GET http://sms.example.com:8080/send?to=%2B49"]
    assert b"\r\nHost: sms.example.com:8080\r\n" in proxy.heads[0]


async def test_a_proxy_that_refuses_or_is_away_is_named_but_not_where_it_is(
    certificates: Certificates,
) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{held.getsockname()[1]}"
        client = Http1Client(plain_client_tls(), guard=guard_of(away, PUBLIC))

        with pytest.raises(OutboundError) as caught:
            await client.request("GET", "https://example.com/")
        await client.aclose()

    assert caught.value.detail == "cannot connect: the proxy can't be reached"
    assert caught.value.is_unprocessed

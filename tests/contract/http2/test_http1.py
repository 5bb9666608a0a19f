"""The plain HTTP client over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from tests.contract.http2.tls_server import server_tls

from heliograph.outbound.http1 import Http1Client, HttpReply, OutboundError
from heliograph.outbound.tls import plain_client_tls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.contract.http2.conftest import Certificates

pytestmark = pytest.mark.anyio


async def _token(request: web.Request) -> web.Response:
    form = await request.post()
    return web.json_response(dict(form), status=201, headers={"X-Kind": request.content_type})


async def _redirect(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/token"})


async def _large(request: web.Request) -> web.Response:
    return web.Response(body=bytes(5000))


async def _bomb(request: web.Request) -> web.Response:
    asked = request.headers.get("Accept-Encoding", "")
    packed = gzip.compress(bytes(50_000_000))
    headers = {"Content-Encoding": "gzip", "X-Asked": asked}
    return web.Response(body=packed, headers=headers)


async def _slow(request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError("never")


@asynccontextmanager
async def serving(certificates: Certificates) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_post("/token", _token)
    for path, handler in (
        ("/redirect", _redirect),
        ("/large", _large),
        ("/slow", _slow),
        ("/bomb", _bomb),
    ):
        application.router.add_get(path, handler)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        tls = server_tls(certificates.server, alpn=())
        await web.SockSite(runner, listener, ssl_context=tls).start()
        try:
            yield f"https://localhost:{listener.getsockname()[1]}"
        finally:
            await runner.cleanup()


@asynccontextmanager
async def client(tls: ssl.SSLContext, max_body_bytes: int = 1000) -> AsyncIterator[Http1Client]:
    made = Http1Client(tls, max_body_bytes=max_body_bytes)
    try:
        yield made
    finally:
        await made.aclose()


async def test_a_form_is_posted_and_its_reply_returned(certificates: Certificates) -> None:
    async with serving(certificates) as url, client(plain_client_tls(certificates.ca)) as http:
        reply = await http.post_form(f"{url}/token", {"grant_type": "ü&=", "scope": "a b"})

    assert reply.status == 201
    assert reply.headers["x-kind"] == "application/x-www-form-urlencoded"
    assert reply.body == b'{"grant_type": "\\u00fc&=", "scope": "a b"}'


async def test_redirects_are_not_followed(certificates: Certificates) -> None:
    async with serving(certificates) as url, client(plain_client_tls(certificates.ca)) as http:
        reply = await http.request("GET", f"{url}/redirect")

    assert isinstance(reply, HttpReply)
    assert (reply.status, reply.headers["location"]) == (302, "/token")


async def test_a_reply_over_the_limit_is_an_error(certificates: Certificates) -> None:
    async with serving(certificates) as url, client(plain_client_tls(certificates.ca)) as http:
        with pytest.raises(OutboundError, match="size limit"):
            await http.request("GET", f"{url}/large")


async def test_a_slow_server_is_an_error(certificates: Certificates) -> None:
    async with serving(certificates) as url, client(plain_client_tls(certificates.ca)) as http:
        with pytest.raises(OutboundError, match="in time"):
            await http.request("GET", f"{url}/slow", timeout_s=0.1)


async def test_an_unknown_authority_is_an_error(certificates: Certificates) -> None:
    trust = plain_client_tls(certificates.stranger_ca)
    async with serving(certificates) as url, client(trust) as http:
        with pytest.raises(OutboundError, match="cannot connect") as caught:
            await http.post_form(f"{url}/token", {})

    assert caught.value.is_unprocessed


async def test_nobody_listening_is_an_error(certificates: Certificates) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        async with client(plain_client_tls(certificates.ca)) as http:
            with pytest.raises(OutboundError, match="cannot connect"):
                await http.request("GET", f"https://127.0.0.1:{port}/")


async def test_an_impossible_url_is_an_error_that_does_not_quote_it() -> None:
    async with client(ssl.create_default_context()) as http:
        with pytest.raises(OutboundError) as caught:
            await http.request("GET", "https://[secret/")

    assert "secret" not in str(caught.value)


async def test_what_is_packed_is_neither_asked_for_nor_unpacked(certificates: Certificates) -> None:
    async with serving(certificates) as url:
        client = Http1Client(plain_client_tls(certificates.ca))

        reply = await client.request("GET", f"{url}/bomb")
        await client.aclose()

    assert reply.headers["x-asked"] == "identity"
    assert len(reply.body) < 100_000

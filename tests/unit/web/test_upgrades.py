"""A request that offers another protocol is one like any other. Source: RFC 9110 section 7.8."""

import asyncio

import pytest
from tests.unit.web import stubs
from tests.unit.web.stubs import NO_CORE, dialect, route

from heliograph.config import Config, Listener
from heliograph.web.application import Application
from heliograph.web.door import OpenDoor
from heliograph.web.server import Server

pytestmark = pytest.mark.anyio

OFFER = (
    b"Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
)
"""As curl offers it; Java's client puts the same in another order."""

BODY = b'{"text":"hello"}'
WHOLE = b"POST /a HTTP/1.1\r\n" + OFFER + b"Content-Length: 16\r\n\r\n" + BODY
CHUNKED = (
    b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
    + OFFER
    + b"\r\n5\r\n"
    + BODY[:5]
    + b"\r\nb\r\n"
    + BODY[5:]
    + b"\r\n0\r\n\r\n"
)
NO_BODY = b"GET /a/x HTTP/1.1\r\n" + OFFER + b"\r\n"
EMPTY = b"POST /a HTTP/1.1\r\n" + OFFER + b"Content-Length: 0\r\n\r\n"
PLAIN = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\n" + BODY
WEBSOCKET = (
    b"GET /a/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.fixture
async def connection():
    """A connection to a server that answers with what it read."""
    config = Config(listener=Listener(port=0))
    routes = (route("GET", "/a/{x}"), route("POST", "/a", stubs.read_any))
    server = Server(Application(NO_CORE, [OpenDoor(dialect("one", *routes))], config), config)
    serving = asyncio.create_task(server.serve())
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    yield reader, writer
    writer.close()
    server.should_exit = True
    await serving


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2])
    return int(head.split()[1]), await reader.readexactly(int(fields[b"content-length"]))


@pytest.mark.parametrize("request_", [WHOLE, CHUNKED], ids=["whole", "chunked"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_its_body_arrives_however_it_is_cut(connection, request_, size):
    reader, writer = connection

    for start in range(0, len(request_), size):
        writer.write(request_[start : start + size])
        await writer.drain()
        await asyncio.sleep(0)

    status, body = await answer_of(reader)
    assert (status, b"hello" in body) == (200, True)


@pytest.mark.parametrize("request_", [NO_BODY, WEBSOCKET], ids=["h2c", "websocket"])
async def test_without_a_body_it_is_answered_at_once(connection, request_):
    reader, writer = connection

    writer.write(request_)

    assert (await answer_of(reader))[0] == 200


async def test_an_empty_body_is_empty(connection):
    reader, writer = connection

    writer.write(EMPTY)

    assert (await answer_of(reader))[0] == 400


async def test_the_connection_goes_on_after_it(connection):
    reader, writer = connection
    requests = [WHOLE, PLAIN, NO_BODY, CHUNKED, NO_BODY, PLAIN, WHOLE]

    answers = []
    for request in requests:
        writer.write(request)
        answers.append(await answer_of(reader))

    assert [status for status, _ in answers] == [200] * len(requests)


async def test_requests_that_follow_in_the_same_breath_are_answered(connection):
    reader, writer = connection

    writer.write(WHOLE + NO_BODY + PLAIN + CHUNKED + PLAIN)

    assert [(await answer_of(reader))[0] for _ in range(5)] == [200] * 5


async def test_what_is_no_chunk_is_refused(connection):
    reader, writer = connection
    head, _, _ = CHUNKED.partition(b"\r\n\r\n")

    writer.write(head + b"\r\n\r\nzz\r\n")

    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 400")


async def test_hundreds_in_the_same_breath_are_answered(connection):
    reader, writer = connection
    short = b"GET /a/x HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"

    writer.write(short * 900)

    assert {(await answer_of(reader))[0] for _ in range(900)} == {200}

import asyncio

import pytest
from tests.unit.simulators.wire import ScriptedFake

from heliograph.outbound.http2.frames import ErrorCode
from heliograph.simulators.exchange import Answer, Drop, Farewell, Reset, Silence
from heliograph.simulators.http1_server import Http1Connection

pytestmark = pytest.mark.anyio

POST = b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"


class Wire(asyncio.Transport):
    def __init__(self, *reactions):
        super().__init__()
        self.fake = ScriptedFake(*reactions)
        self.written = b""
        self.is_closed = self.is_aborted = False
        self.gone = []
        self.server = Http1Connection(self.fake, self.gone.append)
        self.server.connection_made(self)

    def write(self, data):
        self.written += data

    def close(self):
        self.is_closed = True

    def abort(self):
        self.is_aborted = True


async def test_a_request_is_answered_and_the_connection_kept():
    wire = Wire(Answer(404, ((b"x", b"y"),), b"no"))

    wire.server.data_received(POST)

    (request,) = wire.fake.requests
    assert (request.method, request.path, request.body) == (b"POST", b"/token", b"body")
    assert request.headers[b"host"] == b"x"
    assert wire.written == b"HTTP/1.1 404 Not Found\r\nx: y\r\ncontent-length: 2\r\n\r\nno"
    assert not wire.is_closed


async def test_a_request_may_be_cut_anywhere():
    wire = Wire()

    for position in range(len(POST)):
        wire.server.data_received(POST[position : position + 1])

    assert wire.fake.requests[0].path == b"/token"
    assert wire.fake.requests[0].body == b"body"


async def test_requests_follow_each_other():
    wire = Wire()

    wire.server.data_received(POST * 3)

    assert wire.written.count(b"HTTP/1.1 200 OK") == 3


async def test_a_later_request_waits_for_a_delayed_answer():
    wire = Wire(Answer(200, delay_ms=1), Answer(404))

    wire.server.data_received(POST * 2)
    before = wire.written
    await asyncio.sleep(0.01)

    assert before == b""
    assert wire.written.index(b" 200 ") < wire.written.index(b" 404 ")


async def test_the_client_may_ask_to_close():
    wire = Wire()

    wire.server.data_received(POST.replace(b"Host: x", b"Connection: close"))

    assert b"connection: close" in wire.written
    assert wire.is_closed


async def test_an_unknown_status_has_no_phrase():
    wire = Wire(Answer(599))

    wire.server.data_received(POST)

    assert wire.written.startswith(b"HTTP/1.1 599 \r\n")


@pytest.mark.parametrize("reaction", [Drop(), Reset(ErrorCode.CANCEL)])
async def test_a_cut_connection_says_nothing(reaction):
    wire = Wire(reaction)

    wire.server.data_received(POST)

    assert (wire.written, wire.is_aborted) == (b"", True)


async def test_silence_is_silent():
    wire = Wire(Silence())

    wire.server.data_received(POST)

    assert (wire.written, wire.is_aborted, wire.is_closed) == (b"", False, False)


@pytest.mark.parametrize(("answer", "written"), [(None, 0), (Answer(200), 1)])
async def test_a_farewell_closes(answer, written):
    wire = Wire(Farewell(answer, b""))

    wire.server.data_received(POST)

    assert wire.written.count(b"HTTP/1.1") == written
    assert wire.is_closed


async def test_what_is_no_http_is_refused():
    wire = Wire()

    wire.server.data_received(b"\x00\x01\x02\r\n\r\n")

    assert wire.written.startswith(b"HTTP/1.1 400 ")
    assert wire.is_closed


async def test_a_huge_body_is_refused():
    wire = Wire()
    head = b"POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n"

    wire.server.data_received(head + bytes(1_100_000))

    assert wire.written.startswith(b"HTTP/1.1 400 ")


async def test_a_lost_connection_forgets_its_delayed_answer():
    wire = Wire(Answer(200, delay_ms=1))
    wire.server.data_received(POST)

    wire.server.connection_lost(None)
    await asyncio.sleep(0.01)

    assert wire.written == b""
    assert wire.gone == [wire.server]


async def test_stopping_closes():
    wire = Wire()

    wire.server.leave()

    assert wire.is_closed

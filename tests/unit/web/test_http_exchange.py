"""Answers as they leave: in one write where they can, and whole in any case."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from starlette.responses import Response, StreamingResponse
from tests.unit.web.stubs import NO_CORE, dialect, route
from uvicorn.server import ServerState

from heliograph.config import Config
from heliograph.web.application import Application
from heliograph.web.door import OpenDoor
from heliograph.web.http_exchange import MOST_TOGETHER, Departures
from heliograph.web.http_protocol import BoundedProtocol
from heliograph.web.responses import json_response
from heliograph.web.server import Guard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from heliograph.web.dialect import Handler

pytestmark = pytest.mark.anyio

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"


class Wire(asyncio.Transport):
    """Keeps what is written, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        """Nothing is read from here."""

    def resume_reading(self) -> None:
        """Nothing is read from here."""

    @property
    def text(self) -> bytes:
        return b"".join(self.writes)


class Clock:
    """A loop's time, which passes when it is told to. Everything else is the loop's own."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._now = 0.0
        self._timers: list[tuple[float, asyncio.TimerHandle, Callable[[], None]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def time(self) -> float:
        return self._now

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(0, callback, (), self._loop)
        self._timers.append((self._now + delay_s, handle, callback))
        return handle

    def advance(self, seconds: float) -> None:
        end = self._now + seconds
        while due := [timer for timer in self._timers if timer[0] <= end]:
            self._now, handle, callback = timer = min(due, key=lambda each: each[0])
            self._timers.remove(timer)
            if not handle.cancelled():
                callback()
        self._now = end


class Caller:
    """A connection to an application with one route, without a socket.

    beside: another connection to the same server.
    """

    def __init__(self, handler: Handler, beside: Caller | None = None) -> None:
        routes = [route(method, "/a", handler) for method in ("GET", "POST", "HEAD")]
        application = Application(NO_CORE, [OpenDoor(dialect("one", *routes))], Config())
        config = uvicorn.Config(
            Guard(application), lifespan="off", log_config=None, timeout_keep_alive=5
        )
        config.load()
        self.state = beside.state if beside else ServerState()
        self.departures = beside.departures if beside else Departures()
        self.wire = Wire()
        self.clock = Clock()
        self.protocol = BoundedProtocol(
            config,
            self.state,
            {},
            head_timeout_s=5,
            departures=self.departures,
            _loop=self.clock,
        )
        self.protocol.access_log = False
        self.protocol.connection_made(self.wire)

    async def send(self, raw: bytes) -> bytes:
        """Send bytes, and wait for what they are answered."""
        self.protocol.data_received(raw)
        return await self.answered()

    async def answered(self) -> bytes:
        """Wait until everything is answered; answer all that was written."""
        while self.state.tasks:
            await asyncio.gather(*self.state.tasks)
        return self.wire.text


@asynccontextmanager
async def calling(handler: Handler, beside: Caller | None = None) -> AsyncIterator[Caller]:
    caller = Caller(handler, beside)
    yield caller
    caller.protocol.connection_lost(None)


async def plain(request: Any, core: Any) -> Response:
    return json_response({"ok": 1}, headers={"x-said": "yes"})


async def echo(request: Any, core: Any) -> Response:
    return json_response({"got": (await request.body()).decode()})


async def test_a_whole_answer_leaves_in_one_write() -> None:
    async with calling(plain) as caller:
        await caller.send(GET)

    [answer] = caller.wire.writes
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert {b"x-said: yes", b"content-length: 8"} <= set(head.split(b"\r\n"))
    assert body == b'{"ok":1}'
    assert caller.state.total_requests == 1


async def test_a_body_that_came_with_its_head_or_behind_it_is_read_whole() -> None:
    async with calling(echo) as caller:
        together = await caller.send(POST % (5, b"hello"))
        caller.protocol.data_received(POST % (5, b"he"))
        await asyncio.sleep(0)
        apart = await caller.send(b"llo")

    assert together.endswith(b'{"got":"hello"}')
    assert apart.count(b'{"got":"hello"}') == 2


async def test_who_asks_before_it_sends_is_told_to_go_on() -> None:
    asking = b"POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"

    async with calling(echo) as caller:
        caller.protocol.data_received(asking)
        for _ in range(5):
            await asyncio.sleep(0)
        told = caller.wire.text
        answer = await caller.send(b"ok")

    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.endswith(b'{"got":"ok"}')


async def test_requests_in_one_packet_are_answered_in_their_order() -> None:
    async with calling(echo) as caller:
        answers = await caller.send(b"".join(POST % (1, b"%d" % each) for each in range(5)))

    bodies = [part.partition(b"\r\n")[0] for part in answers.split(b"\r\n\r\n")[1:]]
    assert [body[:11] for body in bodies] == [b'{"got":"%d"}' % each for each in range(5)]


async def test_head_is_answered_with_the_length_and_without_the_body() -> None:
    async with calling(plain) as caller:
        answer = await caller.send(GET.replace(b"GET", b"HEAD"))

    assert b"content-length: 8\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "request_",
    [GET.replace(b"1.1", b"1.0"), GET.replace(b"Host", b"Connection: close\r\nHost")],
    ids=["HTTP/1.0", "Connection: close"],
)
async def test_a_connection_ends_where_the_client_wants_it(request_: bytes) -> None:
    async with calling(plain) as caller:
        answer = await caller.send(request_)
        is_closed = caller.wire.is_closed

    assert b"connection: close\r\n" in answer
    assert answer.endswith(b'{"ok":1}')
    assert is_closed


async def test_an_answer_in_pieces_leaves_piece_by_piece() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        assert caller.wire.text.endswith(b"one\r\n")
        yield b"two"

    async def handler(request: Any, core: Any) -> Response:
        return StreamingResponse(pieces())

    async with calling(handler) as caller:
        answer = await caller.send(GET)

    assert answer.endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


async def test_an_answer_of_known_length_in_pieces_is_whole() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async def handler(request: Any, core: Any) -> Response:
        return StreamingResponse(pieces(), headers={"content-length": "6"})

    async with calling(handler) as caller:
        answer = await caller.send(GET)

    assert answer.endswith(b"\r\n\r\nonetwo")


@pytest.mark.parametrize(
    "headers",
    [
        {"x": "a\r\nset-cookie: b"},
        {"x": "a\nb"},
        {"x\r\ny": "a"},
        {"x y": "a"},
        {"content-length": "9"},
    ],
    ids=["a line's end", "a bare line feed", "in a name", "a blank in a name", "a wrong length"],
)
async def test_what_would_break_the_framing_is_never_written(headers: dict[str, str]) -> None:
    async def handler(request: Any, core: Any) -> Response:
        return Response(b"body", headers=headers)

    async with calling(handler) as caller:
        answer = await caller.send(GET)
        is_closed = caller.wire.is_closed

    assert b"set-cookie" not in answer
    assert b"HTTP/1.1 200" not in answer or "content-length" in headers
    assert is_closed


async def test_a_connection_that_asks_again_and_again_stays_and_an_idle_one_goes() -> None:
    async with calling(plain) as caller:
        for _ in range(4):
            await caller.send(GET)
            caller.clock.advance(4)
        stayed = not caller.wire.is_closed
        caller.clock.advance(1)
        went = caller.wire.is_closed

    assert stayed
    assert went


async def test_a_connection_is_not_idle_while_it_is_served() -> None:
    answering = asyncio.Event()

    async def slow(request: Any, core: Any) -> Response:
        await answering.wait()
        return json_response({})

    async with calling(slow) as caller:
        caller.protocol.data_received(GET)
        caller.clock.advance(60)
        answering.set()
        answer = await caller.answered()
        is_open = not caller.wire.is_closed

    assert answer.startswith(b"HTTP/1.1 200")
    assert is_open


@asynccontextmanager
async def two_waiting(handler: Handler) -> AsyncIterator[tuple[Caller, Caller]]:
    """Have two requests wait for something that both of them need."""
    async with calling(handler) as one, calling(handler, beside=one) as other:
        for caller in (one, other):
            caller.protocol.data_received(GET)
        await asyncio.sleep(0)
        yield one, other


async def test_answers_of_one_turn_leave_together_when_all_are_made() -> None:
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    written_when_made = []

    async def waiting(request: Any, core: Any) -> Response:
        await gate
        written_when_made.append(len(one.wire.writes) + len(other.wire.writes))
        return json_response({"ok": 1})

    async with two_waiting(waiting) as (one, other):
        gate.set_result(None)
        await one.answered()

        assert written_when_made == [0, 0]
        assert [len(each.wire.writes) for each in (one, other)] == [1, 1]


@pytest.mark.parametrize("end", ["stop", "another head that is none", "a head that is late"])
async def test_an_answer_that_waits_for_company_is_not_lost_when_its_connection_ends(
    end: str,
) -> None:
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def waiting(request: Any, core: Any) -> Response:
        await gate
        asyncio.get_running_loop().call_soon(end_it)
        return json_response({"ok": 1})

    def end_it() -> None:
        # Before the answers' turn: this was asked for first.
        order.append(len(one.wire.writes))
        match end:
            case "stop":
                one.protocol.shutdown()
            case "another head that is none":
                one.protocol.data_received(b"\0\r\n\r\n")
            case _:
                one.protocol._give_up()

    order: list[int] = []
    async with two_waiting(waiting) as (one, _):
        gate.set_result(None)
        await one.answered()

        assert order[0] == 0
        assert one.wire.writes[0].startswith(b"HTTP/1.1 200 OK\r\n")
        assert one.wire.writes[0].endswith(b'{"ok":1}')
        assert one.wire.is_closed


async def test_an_answer_whose_connection_is_gone_meanwhile_is_not_written() -> None:
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def waiting(request: Any, core: Any) -> Response:
        await gate
        one.wire.close()
        return json_response({"ok": 1})

    async with two_waiting(waiting) as (one, other):
        gate.set_result(None)
        await one.answered()

        assert one.wire.writes == []
        assert other.wire.text.endswith(b'{"ok":1}')


async def test_an_answer_that_cannot_be_written_keeps_no_other_back() -> None:
    left, told = [], []
    departures = Departures()
    asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(what["message"]))

    def broken() -> None:
        raise RuntimeError("the transport is gone")

    for leave in (broken, lambda: left.append("the other")):
        departures.add(leave)
    departures.leave()

    assert left == ["the other"]
    assert told == ["an answer could not be written"]


async def test_no_answer_waits_for_more_than_a_few_others() -> None:
    left: list[int] = []
    departures = Departures()

    for number in range(MOST_TOGETHER + 1):
        departures.add(partial(left.append, number))

    assert left == [*range(MOST_TOGETHER)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert left == [*range(MOST_TOGETHER + 1)]

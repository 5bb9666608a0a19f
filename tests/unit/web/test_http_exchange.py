"""Answers as they leave: in one write where they can, and whole in any case."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import Response, StreamingResponse
from tests.unit.web.caller import GET, calling

from heliograph.web.responses import WholeResponse, json_response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.anyio

POST = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"


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


async def test_an_answered_request_leaves_nothing_to_the_collector_of_garbage() -> None:
    async with calling(echo) as caller:
        gc.disable()
        try:
            await caller.send(POST % (2, b"ab"))
            first = weakref.ref(caller.protocol.cycle)
            await caller.send(POST % (2, b"cd"))

            assert first() is None
        finally:
            gc.enable()


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


UNSPEAKABLE = {
    "a line's end": {"x": "a\r\nset-cookie: b"},
    "a bare line feed": {"x": "a\nb"},
    "in a name": {"x\r\ny": "a"},
    "a blank in a name": {"x y": "a"},
}


@pytest.mark.parametrize(
    ("make", "headers"),
    [
        *(pytest.param(Response, headers, id=name) for name, headers in UNSPEAKABLE.items()),
        pytest.param(Response, {"content-length": "9"}, id="a wrong length"),
        *(
            pytest.param(WholeResponse, headers, id=f"{name}, whole")
            for name, headers in UNSPEAKABLE.items()
        ),
    ],
)
async def test_what_would_break_the_framing_is_never_written(
    make: Callable[..., Response], headers: dict[str, str]
) -> None:
    async def handler(request: Any, core: Any) -> Response:
        return make(b"body", 200, headers, None)

    async with calling(handler) as caller:
        answer = await caller.send(GET)
        is_closed = caller.wire.is_closed

    assert b"set-cookie" not in answer
    assert b"HTTP/1.1 200" not in answer or "content-length" in headers
    assert is_closed


async def test_a_connection_ends_where_the_answer_says_so() -> None:
    async def last(request: Any, core: Any) -> Response:
        return json_response({"ok": 1}, headers={"connection": "close"})

    async with calling(last) as caller:
        answer = await caller.send(GET)
        is_closed = caller.wire.is_closed

    assert answer.endswith(b'{"ok":1}')
    assert is_closed


async def test_a_request_is_answered_once() -> None:
    async with calling(plain) as caller:
        answer = await caller.send(GET)

        assert caller.protocol.cycle.answer_at_once(200, [], b"") is False
        assert caller.wire.text == answer


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

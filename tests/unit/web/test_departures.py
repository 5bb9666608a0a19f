"""Answers that are made in one turn of the loop leave together, and none is lost by it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.web.caller import GET, Caller, calling

from heliograph.web.http_exchange import MOST_TOGETHER, Departures
from heliograph.web.responses import json_response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.responses import Response

    from heliograph.web.dialect import Handler

pytestmark = pytest.mark.anyio


async def plain(request: Any, core: Any) -> Response:
    return json_response({"ok": 1})


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


async def test_an_answer_that_is_alone_leaves_at_once() -> None:
    async with calling(plain) as caller:
        caller.protocol.data_received(GET)
        await asyncio.sleep(0)

        # In the turn in which it was made.
        assert len(caller.wire.writes) == 1


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

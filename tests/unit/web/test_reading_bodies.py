"""How much of a body is read, and what is said of one that is too large."""

from __future__ import annotations

from typing import Any

import pytest
from tests.asgi_client import call
from tests.unit.web import stubs
from tests.unit.web.stubs import application, dialect, route

from heliograph.core.errors import InvalidRequest, PayloadTooLarge
from heliograph.web.bodies import DRAIN_BYTES, MAX_DEPTH, BodyLimits, parse_json, read_body
from heliograph.web.door import OpenDoor
from heliograph.web.request import Request

pytestmark = pytest.mark.anyio

LIMITS = BodyLimits(body_bytes=1024, timeout_s=5)


class Sender:
    """A client that sends one message after the other, and counts those that were read."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self._messages = iter(messages)
        self.read = 0

    async def __call__(self) -> dict[str, Any]:
        self.read += 1
        return next(self._messages)


def chunk(size_bytes: int) -> dict[str, Any]:
    return {"type": "http.request", "body": b"x" * size_bytes, "more_body": True}


END = {"type": "http.request"}
"""The last message of a body, with nothing but its type: the rest has defaults."""


def request(sender: Sender, **headers: str) -> Request:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
    }
    door = OpenDoor(dialect("one"))
    return Request(scope, sender, door=door, route=None, limits=LIMITS, client_address=None)


async def test_a_body_ends_with_the_message_that_says_no_more() -> None:
    assert await read_body(request(Sender(chunk(3), chunk(0), END)), LIMITS) == b"xxx"


async def test_a_body_of_the_limit_is_read_and_one_byte_more_is_not() -> None:
    assert len(await read_body(request(Sender(chunk(1000), chunk(24), END)), LIMITS)) == 1024

    with pytest.raises(PayloadTooLarge):
        await read_body(request(Sender(chunk(1000), chunk(25), END)), LIMITS)


async def test_a_refusal_names_the_size_that_was_announced_or_seen() -> None:
    with pytest.raises(PayloadTooLarge) as seen:
        await read_body(request(Sender(chunk(2000), chunk(7), END)), LIMITS)
    with pytest.raises(PayloadTooLarge) as announced:
        await read_body(request(Sender(chunk(2000), END), content_length="5000"), LIMITS)

    assert (seen.value.size_bytes, seen.value.limit_bytes) == (2007, 1024)
    assert (announced.value.size_bytes, announced.value.limit_bytes) == (5000, 1024)


async def test_no_more_is_drained_than_clients_need() -> None:
    half = DRAIN_BYTES // 2
    sender = Sender(chunk(half), chunk(half), chunk(1), chunk(1), END)
    asked = request(sender)

    with pytest.raises(PayloadTooLarge):
        await read_body(asked, LIMITS)

    assert sender.read == 3
    assert asked.is_body_left


async def test_a_client_that_asks_first_is_asked_for_nothing_if_it_is_refused() -> None:
    sender = Sender()
    asked = request(sender, content_length="1025", expect="100-Continue")

    with pytest.raises(PayloadTooLarge):
        await read_body(asked, LIMITS)

    assert sender.read == 0
    assert asked.is_body_left


async def test_a_client_that_asks_first_may_send_what_is_small_enough() -> None:
    sender = Sender(chunk(1024), END)
    asked = request(sender, content_length="1024", expect="100-continue")

    assert len(await read_body(asked, LIMITS)) == 1024
    assert not asked.is_body_left


@pytest.mark.parametrize("announced", ["", "-1", "+3", "0x10", "3.0", "9" * 5000])
async def test_a_length_that_is_none_announces_nothing(announced: str) -> None:
    app = application(dialect("one", route("POST", "/a", stubs.read_any)))

    answer = await call(app, "POST", "/a", headers={"content-length": announced}, body=b"[1]")

    assert (answer.status, answer.json()) == (200, {"got": [1]})


@pytest.mark.parametrize(
    ("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["arrays", "objects"]
)
async def test_depth_is_counted_and_width_is_not(opening: bytes, closing: bytes) -> None:
    def nested(depth: int) -> bytes:
        return opening * depth + b"1" + closing * depth

    wide = b"[" + b'{"a": 1, "b": "[{"},' * MAX_DEPTH + nested(MAX_DEPTH - 1) + b"]"

    assert len(parse_json(wide)) == MAX_DEPTH + 1
    assert parse_json(nested(MAX_DEPTH))
    with pytest.raises(InvalidRequest):
        parse_json(b"[" + b"{}," * MAX_DEPTH + nested(MAX_DEPTH) + b"]")

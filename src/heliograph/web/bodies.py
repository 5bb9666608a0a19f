"""Request bodies: read within limits, parsed without surprises."""

from __future__ import annotations

import asyncio
import json
import math
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

from starlette.requests import ClientDisconnect

from heliograph.core.errors import InvalidRequest, PayloadTooLarge, Problem, ProblemKind
from heliograph.web.errors import RequestTimeout
from heliograph.web.schemas import MAX_INT64, MIN_INT64

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from heliograph.core.errors import PathPart
    from heliograph.web.request import Request

DRAIN_BYTES = 128 * 1024 * 1024
"""How much of a refused body is still read, and thrown away, within the body's time: many clients
read no answer before they sent all, and one that is cut off learns nothing of what was wrong."""

MAX_DEPTH = 64
"""Nesting of arrays and objects: far beyond any vendor's body, far below what breaks a writer."""

BODY_AT_HAND = "heliograph.body_at_hand"
"""An ASGI extension of our server's: a function that answers the whole body, or None where
some of it is still to come."""

_NOTHING: Mapping[str, Any] = {}

_SUSPICIOUS = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""Bytes without which no lone surrogate or NUL can be inside."""

MAX_UNSTORABLE = 100
"""Strings and integers that are named, at most: the body's size is no bound on its problems'."""

_SHOWN_KEY_CHARS = 256
"""How much of a key stands in a path: a long one would stand in each problem beneath it."""

_LENGTH_DIGITS = 18

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What one body may cost."""

    body_bytes: int
    timeout_s: float


async def read_body(request: Request, limits: BodyLimits) -> bytes:
    """Read a whole body.

    Raises PayloadTooLarge past the limit (announced or not), RequestTimeout,
    ClientDisconnect.
    """
    at_hand = request.scope.get("extensions", _NOTHING).get(BODY_AT_HAND)
    body: bytes | None = None if at_hand is None else at_hand()
    if body is not None:
        if len(body) > limits.body_bytes:
            raise PayloadTooLarge(len(body), limits.body_bytes)
        return body
    announced = _content_length(request)
    is_refused = announced is not None and announced > limits.body_bytes
    if is_refused and request.headers.get("expect", "").lower() == "100-continue":
        # The client asks before it sends: there is nothing to drain. But whether
        # it sends all the same can't be known, so the connection must end.
        request.is_body_left = True
        raise PayloadTooLarge(announced, limits.body_bytes)
    chunks: list[bytes] = []
    size = 0
    loop = asyncio.get_running_loop()
    patience = asyncio.timeout(None)
    # Armed by the loop's next turn: many bodies are there by now, and a timer
    # costs more than reading them.
    arming = loop.call_soon(patience.reschedule, loop.time() + limits.timeout_s)
    try:
        async with patience:
            is_more = True
            while is_more:
                chunk, is_more = await _next_chunk(request)
                size += len(chunk)
                if size <= limits.body_bytes and not is_refused:
                    chunks.append(chunk)
                    continue
                is_refused = True
                chunks.clear()
                if size > DRAIN_BYTES:
                    request.is_body_left = True
                    break
    except TimeoutError:
        request.is_body_left = True
        if is_refused:
            raise PayloadTooLarge(announced, limits.body_bytes) from None
        raise RequestTimeout from None
    finally:
        arming.cancel()
    if is_refused:
        raise PayloadTooLarge(announced or size, limits.body_bytes)
    return b"".join(chunks)


async def _next_chunk(request: Request) -> tuple[bytes, bool]:
    """Answer the body's next bytes, and whether there are more; raises ClientDisconnect."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _content_length(request: Request) -> int | None:
    text = request.headers.get("content-length", "")
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LENGTH_DIGITS
    return int(text) if is_number else None


def parse_json(raw: bytes) -> Any:
    """Parse a body; of repeated keys the last wins.

    Raises InvalidRequest: NOT_JSON for what is none (NaN, numbers beyond
    all bounds and nesting past MAX_DEPTH included), otherwise one problem
    for each string or integer that could not be stored, of the first 100.
    """
    try:
        value, is_bounded = _decode(raw.decode().removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise _not_json() from error
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise _not_json()
    if not is_bounded or (b"\\u" in raw and _SUSPICIOUS.search(raw)):
        problems = list(islice(_unstorable(value, ()), MAX_UNSTORABLE))
        if problems:
            raise InvalidRequest(problems)
    return value


def _decode(text: str) -> tuple[Any, bool]:
    """Decode JSON; second, whether every integer is one of 64 bits. Raises ValueError."""
    try:
        return _BOUNDED.decode(text), True
    except _LongInteger:
        return _UNBOUNDED.decode(text), False


def _not_json() -> InvalidRequest:
    return InvalidRequest([Problem((), ProblemKind.NOT_JSON, "a JSON document in UTF-8")])


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(digits)
    return number


class _LongInteger(Exception):
    """An integer beyond 64 bits is somewhere in a body."""


def _int64(digits: str) -> int:
    number = int(digits)
    if not MIN_INT64 <= number <= MAX_INT64:
        raise _LongInteger
    return number


_BOUNDED = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite, parse_int=_int64)
_UNBOUNDED = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


def _is_deeper(value: Any, limit: int) -> bool:
    """Say whether a value nests deeper; level by level, so that depth costs no stack."""
    level = [value]
    for _ in range(limit + 1):
        level = [outer for outer in level if isinstance(outer, dict | list)]
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return True


def _unstorable(value: Any, path: tuple[PathPart, ...]) -> Iterator[Problem]:
    match value:
        case str():
            if _UNSTORABLE.search(value):
                yield _unstorable_text(path)
        case int():
            if not MIN_INT64 <= value <= MAX_INT64:
                yield Problem(path, ProblemKind.TOO_LARGE, "a 64-bit integer")
        case dict():
            for key, inner in value.items():
                inner_path = (*path, key[:_SHOWN_KEY_CHARS])
                if _UNSTORABLE.search(key):
                    yield _unstorable_text(inner_path)
                yield from _unstorable(inner, inner_path)
        case list():
            for position, inner in enumerate(value):
                yield from _unstorable(inner, (*path, position))


def _unstorable_text(path: tuple[PathPart, ...]) -> Problem:
    return Problem(path, ProblemKind.MALFORMED, "free of NUL and lone surrogates")

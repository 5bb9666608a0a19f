"""The server side of one HTTP/1.1 connection, in front of the same fakes.

Google's endpoints speak both versions, and most OAuth clients only the older one.

Source: RFC 9112.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, assert_never, cast

import httptools

from heliograph.simulators.exchange import (
    Answer,
    Drop,
    Fake,
    Farewell,
    Field,
    Freeze,
    Garble,
    Reaction,
    Request,
    Reset,
    Silence,
    Squeeze,
)

_LARGEST_BODY_BYTES: Final = 1_048_576
_BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_GARBAGE: Final = b"HTTP/1.1 OK 200\r\n\x00\r\n\r\n"


class Http1Connection(asyncio.Protocol):
    """One client's connection to one fake; one request at a time."""

    def __init__(self, fake: Fake, gone: Callable[["Http1Connection"], None]) -> None:
        self._session = fake.open_session()
        self._gone = gone
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: list[Request] = []
        self._is_busy = False
        self._keeps_alive = True
        self._timer: asyncio.TimerHandle | None = None
        self.on_message_begin()

    # -- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take input and answer what it completes."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.write(_BAD_REQUEST)
            self._transport.close()
            return
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was in flight."""
        del exc
        if self._timer is not None:
            self._timer.cancel()
        self._gone(self)

    def leave(self) -> None:
        """Close, because the fake is being stopped."""
        self._transport.close()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    # -- the parser's side

    def on_message_begin(self) -> None:
        """Start on a new request."""
        self._path = b""
        self._fields: list[Field] = []
        self._body = b""

    def on_url(self, url: bytes) -> None:
        """Take (a part of) the request target."""
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        self._fields.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._body += body
        if len(self._body) > _LARGEST_BODY_BYTES:
            raise httptools.HttpParserError("the body is too large")

    def on_message_complete(self) -> None:
        """Queue the request."""
        headers = dict(self._fields)
        is_ambiguous = len(headers) != len(self._fields)
        self._keeps_alive = self._parser.should_keep_alive()
        self._waiting.append(
            Request(self._parser.get_method(), self._path, headers, self._body, is_ambiguous)
        )

    # -- reactions out

    def _go_on(self) -> None:
        while self._waiting and not self._is_busy:
            self._is_busy = True
            self._perform(self._session.react(self._waiting.pop(0)))

    def _perform(self, reaction: Reaction) -> None:
        match reaction:
            case Answer():
                if reaction.delay_ms:
                    loop = asyncio.get_running_loop()
                    delay_s = reaction.delay_ms / 1000
                    self._timer = loop.call_later(delay_s, self._answer_late, reaction)
                else:
                    self._answer(reaction)
            case Farewell(answer=answer):
                # The nearest thing to GOAWAY here is to close after the reply.
                self._keeps_alive = False
                if answer is None:
                    self._transport.close()
                else:
                    self._answer(answer)
            case Squeeze(answer=answer):
                # There is nothing to squeeze: requests come one by one.
                self._answer(answer)
            case Garble():
                self._transport.write(_GARBAGE)
            case Reset() | Drop():
                self.abort()
            case Silence() | Freeze():
                pass
            case _:
                assert_never(reaction)

    def _answer_late(self, answer: Answer) -> None:
        self._answer(answer)
        self._go_on()

    def _answer(self, answer: Answer) -> None:
        self._is_busy = False
        phrase = HTTPStatus(answer.status).phrase if answer.status in _STATUSES else ""
        lines = [f"HTTP/1.1 {answer.status} {phrase}".encode()]
        lines += [name + b": " + value for name, value in answer.fields]
        lines.append(b"content-length: %d" % len(answer.body))
        if not self._keeps_alive:
            lines.append(b"connection: close")
        self._transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + answer.body)
        if not self._keeps_alive:
            self._transport.close()


_STATUSES: Final = frozenset(status.value for status in HTTPStatus)

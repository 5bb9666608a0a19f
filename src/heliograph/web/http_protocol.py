"""uvicorn's HTTP protocol with bounds on a request's head, and deaf to upgrades.

The parser beneath has no bounds: a header without end would grow until
memory is gone, and a connection that says nothing would stay for ever. And
where a request offers another protocol, as Java's client and curl do with
`Upgrade: h2c`, it takes the body for the first words of that protocol. We
take up no offer: such a request is one like any other.

Source: RFC 9110 section 7.8.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from heliograph.web.bodies import BODY_AT_HAND
from heliograph.web.http_exchange import Departures, Exchange
from heliograph.web.responses import ANSWER_AT_ONCE

if TYPE_CHECKING:
    from asyncio import TimerHandle

MAX_HEAD_BYTES = 64 * 1024

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


_FRAMING = (b"content-length", b"transfer-encoding")


class _Parser(httptools.HttpRequestParser):
    """Keeps what follows the head of an offer to upgrade, which it can't parse itself.

    rest: that, until the next parser takes it; None where nothing was offered.
    """

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        super().__init__(protocol)
        self.rest: bytes | None = None
        with suppress(AttributeError):
            # As uvicorn sets it, where the parser is new enough to know it.
            self.set_dangerous_leniencies(lenient_data_after_close=True)

    def feed_data(self, data: Any) -> None:
        """Parse; raises HttpParserError."""
        try:
            super().feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self.rest = data[offer.args[0] :]


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections whose next request's head is too long or too late."""

    def __init__(
        self, *args: Any, head_timeout_s: float, departures: Departures, **named: Any
    ) -> None:
        super().__init__(*args, **named)
        self._departures = departures
        self._head_timeout_s = head_timeout_s
        self._is_in_head = False
        self._head_bytes = 0
        self._head_timer: TimerHandle | None = None
        self._idle_since: float | None = None
        self._is_going_on = False
        self.parser: _Parser = _Parser(self)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._disarm()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, then count what belongs to a head that is not complete yet."""
        self._departures.leave()
        super().data_received(data)
        while (rest := self.parser.rest) is not None:
            self._go_on()
            super().data_received(rest)
        if not self._is_in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._head_timer is None:
            self._arm()

    def on_message_begin(self) -> None:
        """Begin a head."""
        if self._is_going_on:
            return
        super().on_message_begin()
        self._is_in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """End a head."""
        if self._is_going_on:
            return
        self._is_in_head = False
        self._disarm()
        self._begin_exchange()

    def on_message_complete(self) -> None:
        """End a request; where it offers an upgrade, its body is still to come."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begin with the next request that has come, or wait for one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wait_for_more(self.timeout_keep_alive)

    def shutdown(self) -> None:
        """End behind the answer that is made, or is being made."""
        self._departures.leave()
        super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that was idle for too long.

        One timer runs on through many requests, and looks at the clock when it
        is over: setting it anew for each would cost as much as reading their heads.
        """
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return
        left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._wait_for_more(left_s)
        else:
            super().timeout_keep_alive_handler()

    def _wait_for_more(self, left_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(left_s, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def _go_on(self) -> None:
        """Take a new parser where the last one saw an offer to upgrade, and stopped.

        It is told how the body is framed, by a head that is nobody's, and
        goes on behind that.
        """
        framing = [b"%b: %b\r\n" % field for field in self.headers if field[0] in _FRAMING]
        self._is_going_on, self.headers = True, []
        self.parser = _Parser(self)
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n")
        self._is_going_on = False

    def _begin_exchange(self) -> None:
        """Have the application answer, once the requests before this one are answered."""
        scope, parser = self.scope, self.parser
        scope["method"] = parser.get_method().decode("ascii")
        version = parser.get_http_version()
        if version != "1.1":
            scope["http_version"] = version
        url = httptools.parse_url(self.url)
        scope["raw_path"] = url.path
        path = url.path.decode("ascii")
        scope["path"] = unquote(path) if "%" in path else path
        scope["query_string"] = url.query or b""
        before = self.cycle
        self.cycle = exchange = Exchange(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        exchange.departures, exchange.company = self._departures, self.tasks
        # Typed as ASGI's own extensions are, which say no more than that they are there.
        extensions: dict[str, Any] = {
            BODY_AT_HAND: exchange.body_at_hand,
            ANSWER_AT_ONCE: exchange.answer_at_once,
        }
        scope["extensions"] = extensions
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._head_timer = loop.call_later(self._head_timeout_s, self._give_up)

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._departures.leave()
        self.transport.close()

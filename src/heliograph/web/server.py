"""The HTTP server process: a bound socket, uvicorn on it, and the last catch."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, cast

import structlog
import uvicorn

from heliograph.observability.failures import frames_of
from heliograph.web.http_exchange import Departures
from heliograph.web.http_protocol import BoundedProtocol
from heliograph.web.responses import WholeResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.responses import Response
    from starlette.types import Message, Receive, Scope, Send

    from heliograph.config import Config
    from heliograph.web.application import Application

SHUTDOWN_S = 5
"""How long running requests may take to end once we stop. The whole stop has 10 s."""

_BACKLOG = 2048

_log = structlog.get_logger()


class Server:
    """Serves an application on the configured address.

    The socket is bound at once, so that the port is known before the first
    request even where the system chose it (port 0). Raises OSError where
    the address is taken.
    """

    def __init__(self, application: Application, config: Config) -> None:
        listener = config.listener
        self._socket = _bound_socket(listener.host, listener.port)
        self.host = listener.host
        self.port: int = self._socket.getsockname()[1]
        self.public_url = config.url_of(_in_url(listener.host), self.port)
        application.move_to(self.public_url)
        protocol = partial(
            BoundedProtocol,
            head_timeout_s=config.limits.body_timeout_s,
            departures=Departures(),
        )
        self._server = _QuietServer(
            uvicorn.Config(
                Guard(application),
                http=cast("type[BoundedProtocol]", protocol),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ssl_certfile=listener.tls_certificate,
                ssl_keyfile=listener.tls_key,
                timeout_graceful_shutdown=SHUTDOWN_S,
            )
        )

    @property
    def should_exit(self) -> bool:
        """Say whether the server was told to stop."""
        return self._server.should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._server.should_exit = value

    async def serve(self) -> None:
        """Serve until `should_exit`, then end what runs and close."""
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the address, served or not; safe to call twice."""
        self._socket.close()


class Guard:
    """Catches what nobody expected: logs it, and answers without the details."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope; only http ones are answered for."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        try:
            response = await self._application.answer(scope, receive)
        except Exception as error:  # noqa: BLE001 - the outermost frame of a request
            self._log(scope, error)
            response = self._application.failure(scope, receive)
        if response is None:
            return
        if isinstance(response, WholeResponse):
            await response(scope, receive, send)
        else:
            await self._send_watched(response, scope, receive, send)

    async def _send_watched(
        self, response: Response, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Send an answer that is made, or read from a file, while it is sent."""
        has_started = False

        async def watched_send(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await response(scope, receive, watched_send)
        except Exception as error:  # noqa: BLE001 - the outermost frame of an answer
            self._log(scope, error)
            if not has_started:
                await self._application.failure(scope, receive)(scope, receive, send)

    def _log(self, scope: Scope, error: Exception) -> None:
        dialect, route = self._application.label_of(scope)
        _log.error(
            "request_failed",
            dialect=dialect,
            method=scope.get("method"),
            route=route,
            error=type(error).__name__,
            frames=frames_of(error),
        )


class _QuietServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the command: it also has workers to stop."""
        yield


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Answer the maker of the fastest event loop at hand."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _bound_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(_BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host

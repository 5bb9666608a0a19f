"""The ASGI application: from a raw request to a dialect's answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from heliograph.core.errors import CoreError
from heliograph.web import cors, health
from heliograph.web.addresses import client_address, networks_of
from heliograph.web.bodies import BodyLimits
from heliograph.web.errors import EndpointNotFound, InternalFailure, MethodNotAllowed, WebError
from heliograph.web.media_types import names_html
from heliograph.web.ownership import Ownership
from heliograph.web.request import Request
from heliograph.web.responses import empty_response
from heliograph.web.router import Match, Misfit, build_table, leading_segments, segments_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from heliograph.config import Config
    from heliograph.core.core import Core
    from heliograph.web.dialect import Handler, Route
    from heliograph.web.door import OpenDoor
    from heliograph.web.health import MissingParts


_KNOWN_PATHS = 1024
_KNOWN_PATH_BYTES = 200
"""Paths whose routes are remembered: a back end asks for the same few again and again."""


class Application:
    """All open doors behind one ASGI callable.

    Errors of the core and of the web layer become the dialect's answers
    here; anything else is a fault of ours and rises to the server. Without
    a door only health is answered, as a worker's process does. front_page:
    what a browser sees at the root, whose routes are for everybody else.
    """

    def __init__(
        self,
        core: Core,
        doors: Sequence[OpenDoor],
        config: Config,
        *,
        missing_parts: MissingParts = health.nothing_missing,
        front_page: Handler | None = None,
    ) -> None:
        self._core = core
        self._limits = BodyLimits(config.limits.body_bytes, config.limits.body_timeout_s)
        self._missing_parts = missing_parts
        self._front_page = front_page
        self._trusted = networks_of(config.listener.trusted_proxies)
        self._doors = tuple(doors)
        self._routes: dict[tuple[str | None, str, bytes], Match | Misfit] = {}
        self.move_to(config.url_of(config.listener.host, config.listener.port))

    def move_to(self, public_url: str) -> None:
        """Make links under this address from now on: the port may be known late."""
        if not self._doors:
            return
        doors = [door.at(public_url) for door in self._doors]
        self._table = build_table(doors)
        self._routes.clear()
        self._ownership = Ownership(doors)
        self._has_hosts = any(door.host is not None for door in doors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's scope."""
        if scope["type"] == "lifespan":
            await _acknowledge_lifespan(receive, send)
        elif scope["type"] == "http":
            response = await self.answer(scope, receive)
            if response is not None:
                await response(scope, receive, send)

    def failure(self, scope: Scope, receive: Receive) -> Response:
        """Answer InternalFailure in the owner's format, telling nothing of the inside."""
        if not self._doors:
            return empty_response(500)
        request, _ = self._locate(scope, receive)
        return self._refuse(request, InternalFailure())

    def label_of(self, scope: Scope) -> tuple[str, str]:
        """Name a request's dialect and route for the log: patterns, never paths."""
        if not self._doors:
            return "", ""
        request, _ = self._locate(scope, _no_body)
        return request.door.dialect.name, request.route.path if request.route else ""

    async def answer(self, scope: Scope, receive: Receive) -> Response | None:
        """Answer a request; None where the client left."""
        if _raw_path(scope).startswith(health.PREFIX):
            checked = await self._health(scope)
            if checked is not None:
                return checked
        if not self._doors:
            return empty_response(404)
        request, found = self._locate(scope, receive)
        if cors.is_preflight(request.method, request.headers):
            response = self._preflight(request)
            cors.add_cors_headers(request.door, request.headers, response)
            return response
        try:
            response = await self._handle(request, found)
        except (CoreError, WebError) as error:
            return self._refuse(request, error)
        except ClientDisconnect:
            return None
        cors.add_cors_headers(request.door, request.headers, response)
        return response

    async def _handle(self, request: Request, found: Match | Misfit) -> Response:
        if self._front_page is not None and _is_browser_at_root(request):
            return await self._front_page(request, self._core)
        if not isinstance(found, Match):
            if found.allowed:
                raise MethodNotAllowed(found.allowed)
            raise EndpointNotFound(request.scope["path"])
        check = found.door.dialect.check_request
        if check is not None:
            check(request)
        return await found.route.handler(request, self._core)

    def _refuse(self, request: Request, error: CoreError | WebError) -> Response:
        response = request.door.dialect.render_error(error, request, self._core)
        if isinstance(error, MethodNotAllowed):
            response.headers["allow"] = ", ".join(error.allowed)
        if request.is_body_left:
            response.headers["connection"] = "close"
        cors.add_cors_headers(request.door, request.headers, response)
        return response

    def _preflight(self, request: Request) -> Response:
        """Answer for the route that the page is about to use, at whichever door."""
        method = cors.wanted_method(request.headers)
        segments = segments_of(_raw_path(request.scope))
        found = self._find(_host_of(request.scope), method, segments)
        if isinstance(found, Match):
            request.door = found.door
        methods = found.allowed if not isinstance(found, Match) else (method,)
        return cors.preflight_response(request.door, request.headers, methods)

    async def _health(self, scope: Scope) -> Response | None:
        path = _raw_path(scope)
        if scope["method"] not in ("GET", "HEAD"):
            return None
        if path == health.LIVE:
            return health.live_response()
        if path == health.READY:
            return await health.ready_response(self._missing_parts)
        return None

    def _locate(self, scope: Scope, receive: Receive) -> tuple[Request, Match | Misfit]:
        """Find the route and the door, its owner's where there is no route."""
        host, found = self._route_of(scope)
        if isinstance(found, Match):
            scope["path_params"] = dict(found.params)
            return self._request(scope, receive, found.door, found.route), found
        owner, claimants = self._ownership.owners_of(host, leading_segments(_raw_path(scope)))
        request = self._request(scope, receive, owner, None)
        for claimant in claimants:
            claims = claimant.dialect.claims_request
            if claims is not None and claims(request):
                request.door = claimant
                break
        return request, found

    def _find(self, host: str | None, method: str, segments: list[str] | None) -> Match | Misfit:
        if segments is None:
            return Misfit(())
        return self._table.find(host, method, segments)

    def _route_of(self, scope: Scope) -> tuple[str | None, Match | Misfit]:
        """Answer a request's host and route; those of well-trodden paths by heart."""
        host = _host_of(scope) if self._has_hosts else None
        path = _raw_path(scope)
        key = (host, scope["method"], path)
        found = self._routes.get(key)
        if found is None:
            found = self._find(host, scope["method"], segments_of(path))
            if len(path) <= _KNOWN_PATH_BYTES:
                if len(self._routes) >= _KNOWN_PATHS:
                    self._routes.clear()
                self._routes[key] = found
        return host, found

    def _request(
        self, scope: Scope, receive: Receive, door: OpenDoor, route: Route | None
    ) -> Request:
        peer = scope.get("client")
        address = peer[0] if peer else None
        if self._trusted:
            forwarded_for = Headers(scope=scope).getlist("x-forwarded-for")
            address = client_address(address, forwarded_for, self._trusted)
        limits = self._limits
        if door.dialect.max_body_bytes is not None:
            limits = replace(limits, body_bytes=door.dialect.max_body_bytes)
        return Request(
            scope, receive, door=door, route=route, limits=limits, client_address=address
        )


def _is_browser_at_root(request: Request) -> bool:
    is_root = request.method == "GET" and request.scope["path"] == "/"
    return is_root and names_html(request.headers.get("accept"))


async def _acknowledge_lifespan(receive: Receive, send: Send) -> None:
    """Say yes to start and end: what must run beside the doors is started by wiring."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _no_body() -> dict[str, object]:
    return {"type": "http.disconnect"}


def _raw_path(scope: Scope) -> bytes:
    raw: bytes | None = scope.get("raw_path")
    return quote(scope["path"]).encode() if raw is None else raw


def _host_of(scope: Scope) -> str | None:
    """Read the Host header's name without port: it chooses a door, and never makes a link."""
    host = Headers(scope=scope).get("host")
    if host is None:
        return None
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    return name.lower()

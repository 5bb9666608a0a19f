"""Pages of other origins: preflights answered, answers made readable.

No credentials mode: tokens travel in headers that a page sets itself, never
in cookies, so that "*" gives nobody anything they could not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.web.responses import empty_response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.datastructures import Headers
    from starlette.responses import Response

    from heliograph.web.door import OpenDoor


def is_preflight(method: str, headers: Headers) -> bool:
    """Say whether a browser asks for leave, rather than a caller for OPTIONS."""
    return method == "OPTIONS" and "origin" in headers and _METHOD in headers


def preflight_response(door: OpenDoor, headers: Headers, methods: Iterable[str]) -> Response:
    """Answer a preflight: 204; a foreign origin learns nothing from it."""
    response = empty_response(204)
    if _allowed_origin(door, headers["origin"]) is not None:
        policy = door.dialect.cors
        response.headers["access-control-allow-methods"] = ", ".join(sorted(methods))
        response.headers["access-control-allow-headers"] = ", ".join(policy.request_headers)
        response.headers["access-control-max-age"] = str(policy.max_age_s)
    return response


def wanted_method(headers: Headers) -> str:
    """Say which method a preflight asks about."""
    return headers[_METHOD]


def add_cors_headers(door: OpenDoor, headers: Headers, response: Response) -> None:
    """Let the page that asked read an answer, errors included."""
    if "*" not in door.cors_origins:
        response.headers.append("vary", "Origin")
    origin = headers.get("origin")
    allowed = None if origin is None else _allowed_origin(door, origin)
    if allowed is not None:
        response.headers["access-control-allow-origin"] = allowed
        exposed = door.dialect.cors.exposed_headers
        if exposed:
            response.headers["access-control-expose-headers"] = ", ".join(exposed)


_METHOD = "access-control-request-method"


def _allowed_origin(door: OpenDoor, origin: str) -> str | None:
    if "*" in door.cors_origins:
        return "*"
    return origin if origin in door.cors_origins else None

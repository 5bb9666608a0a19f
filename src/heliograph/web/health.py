"""Health, for load balancers and process supervisors: of the server, not of a dialect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from heliograph.core.errors import Unavailable
from heliograph.web.responses import json_response

if TYPE_CHECKING:
    from starlette.responses import Response

PREFIX = b"/health/"
LIVE = PREFIX + b"live"
READY = PREFIX + b"ready"

MissingParts = Callable[[], Awaitable[Sequence[str]]]
"""Names what the server still lacks to serve; nothing means ready."""


async def nothing_missing() -> Sequence[str]:
    """Name no missing part: for servers that hold nothing that could fail."""
    return ()


def live_response() -> Response:
    """Say that this process answers."""
    return json_response({"status": "live"}, headers=_NO_STORE)


async def ready_response(missing_parts: MissingParts) -> Response:
    """Say whether requests can be served now: 200, or 503 with what is missing."""
    try:
        missing = list(await missing_parts())
    except Unavailable as error:
        missing = [error.component]
    if missing:
        return json_response({"status": "not ready", "missing": missing}, 503, _NO_STORE)
    return json_response({"status": "ready"}, headers=_NO_STORE)


_NO_STORE = {"cache-control": "no-store"}

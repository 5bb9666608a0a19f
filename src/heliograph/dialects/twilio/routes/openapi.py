"""This dialect's description of itself."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from heliograph.dialects.twilio.routes.admission import PAGE
from heliograph.dialects.twilio.schemas.problems import Problems
from heliograph.web import openapi
from heliograph.web.dialect import Route
from heliograph.web.responses import json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

PATH = "/v1/PushNotifications/openapi.json"

_BASIC = {
    "type": "http",
    "scheme": "basic",
    "description": "AC… and an API key, or SK… and its own API key",
}


def route_describing(routes: Sequence[Route]) -> Route:
    """Make the route that answers the description of `routes` and of itself."""

    @lru_cache(maxsize=16)
    def document_at(server_url: str) -> openapi.Document:
        return openapi.document(
            (*routes, route),
            title="Heliograph, in Twilio's words",
            server_url=server_url,
            problem=Problems,
            problem_type="application/json",
            open_paths=frozenset({PATH}),
            security={"basic": _BASIC},
        )

    async def get_openapi(request: Request, core: Core) -> Response:
        """Describe these calls."""
        del core
        return json_response(document_at(request.door.public_url))

    route = Route(
        "GET", PATH, get_openapi, source=f"{PAGE}#openapi", summary="Describe these calls"
    )
    return route

"""The service's health, and its description of itself."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from heliograph.dialects.mobilefirst.routes.admission import answer, check_media
from heliograph.dialects.mobilefirst.schemas.applications import Health
from heliograph.dialects.mobilefirst.schemas.wire import Failure
from heliograph.web import openapi
from heliograph.web.dialect import Route
from heliograph.web.responses import json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

PATH = "/imfpush/v1/swagger.json"
HEALTH = "/imfpush/v1/health/status"

_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An access token from /{runtime}/api/az/v1/token",
}


async def get_health(request: Request, core: Core) -> Response:
    """Say that the service is there; 200."""
    del core
    check_media(request)
    return answer(Health(status="OK"))


HEALTH_ROUTE = Route(
    "GET",
    HEALTH,
    get_health,
    source="docs/dialects/mobilefirst.md#health",
    summary="Say that the service is there",
    answers={200: Health},
)


def route_describing(routes: Sequence[Route]) -> Route:
    """Make the route that answers the description of `routes` and of itself.

    Second names of an operation, by POST or with a slash at the end, are left out.
    """
    described = [
        route
        for route in routes
        if not route.path.endswith("/")
        and not (route.method == "POST" and "/settings/" in route.path)
    ]

    @lru_cache(maxsize=16)
    def document_at(server_url: str) -> openapi.Document:
        return openapi.document(
            (*described, route),
            title="Heliograph, in MobileFirst's words",
            server_url=server_url,
            problem=Failure,
            problem_type="application/json",
            open_paths=frozenset({PATH, HEALTH}),
            security={"bearer": _BEARER},
        )

    async def get_swagger(request: Request, core: Core) -> Response:
        """Describe these calls."""
        del core
        return json_response(document_at(request.door.public_url))

    route = Route(
        "GET",
        PATH,
        get_swagger,
        source="docs/dialects/mobilefirst.md#health",
        summary="Describe these calls",
    )
    return route

"""The API's description of itself."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from heliograph.dialects.native import errors
from heliograph.dialects.native.routes.admission import PAGE
from heliograph.dialects.native.schemas.problems import ProblemDocument
from heliograph.web import openapi
from heliograph.web.dialect import Route
from heliograph.web.responses import json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

PATH = "/v1/openapi.json"


def describe(routes: Sequence[Route], server_url: str) -> openapi.Document:
    """Describe routes as an OpenAPI document."""
    return openapi.document(
        routes,
        title="Heliograph",
        server_url=server_url,
        problem=ProblemDocument,
        problem_type=errors.MEDIA_TYPE,
        open_paths=frozenset({PATH}),
    )


def route_describing(routes: Sequence[Route]) -> Route:
    """Make the route that answers the description of `routes` and of itself."""

    @lru_cache(maxsize=16)
    def document_at(server_url: str) -> openapi.Document:
        return describe((*routes, route), server_url)

    async def get_openapi(request: Request, core: Core) -> Response:
        """Describe this API."""
        del core
        return json_response(document_at(request.door.public_url))

    route = Route("GET", PATH, get_openapi, source=f"{PAGE}#openapi", summary="Describe this API")
    return route

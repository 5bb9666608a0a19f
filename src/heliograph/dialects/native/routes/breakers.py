"""What holds deliveries back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.native.mapping import breakers as mapping
from heliograph.dialects.native.routes.admission import APPLICATION, PAGE, caller_of
from heliograph.dialects.native.schemas import breakers as schemas
from heliograph.dialects.native.schemas import paging
from heliograph.web.dialect import Route
from heliograph.web.responses import schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def list_breakers(request: Request, core: Core) -> Response:
    """List what holds deliveries back, or did."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    found = await core.breakers.of(principal, application)
    return schema_response(mapping.from_breakers(found))


async def reset_breaker(request: Request, core: Core) -> Response:
    """Let what a breaker holds go."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    provider, environment = mapping.to_place(
        request.path_params["provider"], request.path_params["environment"]
    )
    closed = await core.breakers.reset(principal, application, provider, environment)
    return schema_response(mapping.from_breaker(closed))


_ALL = f"{APPLICATION}/breakers"
_SOURCE = f"{PAGE}#breakers"

ROUTES = (
    Route(
        "GET",
        _ALL,
        list_breakers,
        source=_SOURCE,
        summary="List what holds deliveries back",
        answers={200: schemas.BreakerList},
    ),
    Route(
        "POST",
        f"{_ALL}/{{provider}}/{{environment}}/reset",
        reset_breaker,
        source=_SOURCE,
        summary="Let what a breaker holds go",
        answers={200: schemas.Breaker},
    ),
)

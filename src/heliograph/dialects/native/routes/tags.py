"""A registration's tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.native.mapping import tags as mapping
from heliograph.dialects.native.routes.admission import (
    APPLICATION,
    PAGE,
    caller_of,
    registration_id,
)
from heliograph.dialects.native.schemas import paging
from heliograph.dialects.native.schemas import tags as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response, schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def list_tags(request: Request, core: Core) -> Response:
    """List a registration's tags."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    labels = await core.tags.labels_of(principal, application, registration_id(request))
    return schema_response(mapping.from_tags(labels))


async def put_tag(request: Request, core: Core) -> Response:
    """Subscribe a registration to a tag."""
    principal, application = await caller_of(request, core)
    await core.tags.subscribe(
        principal, application, registration_id(request), request.path_params["tag"]
    )
    return empty_response()


async def delete_tag(request: Request, core: Core) -> Response:
    """End a registration's subscription to a tag."""
    principal, application = await caller_of(request, core)
    await core.tags.unsubscribe(
        principal, application, registration_id(request), request.path_params["tag"]
    )
    return empty_response()


ROUTES = (
    Route(
        "GET",
        f"{APPLICATION}/registrations/{{id}}/tags",
        list_tags,
        source=f"{PAGE}#tags",
        summary="List a registration's tags",
        answers={200: schemas.TagList},
    ),
    Route(
        "PUT",
        f"{APPLICATION}/registrations/{{id}}/tags/{{tag}}",
        put_tag,
        source=f"{PAGE}#tags",
        summary="Subscribe a registration to a tag",
        answers={204: None},
    ),
    Route(
        "DELETE",
        f"{APPLICATION}/registrations/{{id}}/tags/{{tag}}",
        delete_tag,
        source=f"{PAGE}#tags",
        summary="End a subscription",
        answers={204: None},
    ),
)

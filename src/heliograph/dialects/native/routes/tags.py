"""Tags: of a registration, and of an application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.errors import Conflict
from heliograph.core.model.listing import Window
from heliograph.dialects.native.mapping import cursors
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


async def list_application_tags(request: Request, core: Core) -> Response:
    """List an application's tags by age."""
    principal, application = await caller_of(request, core)
    query = request.query(paging.PageQuery)
    window = Window(0, query.limit, after=cursors.to_id_cursor(query.cursor))
    listed = await core.tags.page(principal, application, (), window)
    return schema_response(mapping.from_listed(listed))


async def get_tag(request: Request, core: Core) -> Response:
    """Show a tag of an application."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    tag = await core.tags.get(principal, application, request.path_params["tag"])
    return schema_response(mapping.from_tag(tag))


async def put_application_tag(request: Request, core: Core) -> Response:
    """Make a tag, or describe it anew; 201 or 200."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    body = await request.read(schemas.TagBody)
    label = request.path_params["tag"]
    try:
        made = await core.tags.create(principal, application, label, body.description)
    except Conflict:
        tag = await core.tags.describe(principal, application, label, body.description)
        return schema_response(mapping.from_tag(tag))
    return schema_response(mapping.from_tag(made), 201)


async def delete_application_tag(request: Request, core: Core) -> Response:
    """Delete a tag with the subscriptions to it."""
    principal, application = await caller_of(request, core)
    await core.tags.remove(principal, application, request.path_params["tag"])
    return empty_response()


_ALL = f"{APPLICATION}/tags"
_ONE = f"{_ALL}/{{tag}}"

ROUTES = (
    Route(
        "GET",
        _ALL,
        list_application_tags,
        source=f"{PAGE}#tags",
        summary="List an application's tags",
        query=paging.PageQuery,
        answers={200: schemas.ApplicationTags},
    ),
    Route(
        "GET",
        _ONE,
        get_tag,
        source=f"{PAGE}#tags",
        summary="Show a tag",
        answers={200: schemas.Tag},
    ),
    Route(
        "PUT",
        _ONE,
        put_application_tag,
        source=f"{PAGE}#tags",
        summary="Make or describe a tag",
        body=schemas.TagBody,
        answers={201: schemas.Tag, 200: schemas.Tag},
    ),
    Route(
        "DELETE",
        _ONE,
        delete_application_tag,
        source=f"{PAGE}#tags",
        summary="Delete a tag with its subscriptions",
        answers={204: None},
    ),
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

"""Tags."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from heliograph.dialects.mobilefirst.auth import scopes
from heliograph.dialects.mobilefirst.mapping import filters, paging
from heliograph.dialects.mobilefirst.mapping import tags as mapping
from heliograph.dialects.mobilefirst.routes.admission import (
    APPLICATION,
    admit,
    also_with_slash,
    answer,
)
from heliograph.dialects.mobilefirst.routes.lists import ListPlace
from heliograph.dialects.mobilefirst.schemas import tags as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

_COLLECTION = f"{APPLICATION}/tags"
_ONE = f"{_COLLECTION}/{{tag_name}}"
_SOURCE = "docs/dialects/mobilefirst.md#tags"


async def create_tag(request: Request, core: Core) -> Response:
    """Make a tag; 201 with it."""
    entry = await admit(request, core, scopes.TAG_WRITE)
    body = await request.read(schemas.TagBody)
    name = mapping.own_name(body.name)
    tag = await core.tags.create(entry.principal, entry.application, name, body.description)
    return answer(mapping.from_tag(tag, entry.place("tags")), 201)


async def list_tags(request: Request, core: Core) -> Response:
    """List tags, with their numbers of subscriptions where asked; 200."""
    entry = await admit(request, core, scopes.TAGS_LIST)
    pairs = request.query_params.multi_items()
    at = ListPlace(core, entry, "tags", pairs)
    query = paging.to_query(pairs, schemas.TagQuery)
    window = at.window(query)
    asked = request.query_params.getlist("filter")
    conditions = filters.to_conditions(asked, filters.TAG_FIELDS, ignores_others=True)
    listed = await core.tags.page(
        entry.principal, entry.application, (mapping.NOT_BROADCAST, *conditions), window
    )
    counts = None
    if query.subscription_count:
        counts = await core.tags.subscribers(entry.principal, entry.application, listed.items)
    shown = (
        mapping.from_tag(tag, at.place, None if counts is None else counts.get(tag.id, {}))
        for tag in listed.items
    )
    info = at.page_info(window, listed, attrgetter("id"))
    return answer(schemas.TagList(tags=tuple(shown), pageInfo=info))


async def get_tag(request: Request, core: Core) -> Response:
    """Show one tag; 200."""
    entry = await admit(request, core, scopes.TAG_READ)
    name = mapping.listed_name(request.path_params["tag_name"])
    tag = await core.tags.get(entry.principal, entry.application, name)
    return answer(mapping.from_tag(tag, entry.place("tags")))


async def update_tag(request: Request, core: Core) -> Response:
    """Describe a tag anew; 200 with it."""
    entry = await admit(request, core, scopes.TAG_WRITE)
    body = await request.read(schemas.TagChanges)
    name = mapping.own_name(request.path_params["tag_name"])
    mapping.check_changes(body, name)
    tag = await core.tags.get(entry.principal, entry.application, name)
    description = mapping.to_description(body, tag)
    changed = await core.tags.describe(entry.principal, entry.application, name, description)
    return answer(mapping.from_tag(changed, entry.place("tags")))


async def delete_tag(request: Request, core: Core) -> Response:
    """Delete a tag with the subscriptions to it; 204."""
    entry = await admit(request, core, scopes.TAG_DELETE)
    name = mapping.own_name(request.path_params["tag_name"])
    await core.tags.remove(entry.principal, entry.application, name)
    return empty_response()


ROUTES = also_with_slash(
    (
        Route(
            "POST",
            _COLLECTION,
            create_tag,
            source=_SOURCE,
            summary="Make a tag",
            body=schemas.TagBody,
            answers={201: schemas.Tag},
        ),
        Route(
            "GET",
            _COLLECTION,
            list_tags,
            source=_SOURCE,
            summary="List tags",
            query=schemas.TagQuery,
            answers={200: schemas.TagList},
        ),
        Route(
            "GET",
            _ONE,
            get_tag,
            source=_SOURCE,
            summary="Show a tag",
            answers={200: schemas.Tag},
        ),
        Route(
            "PUT",
            _ONE,
            update_tag,
            source=_SOURCE,
            summary="Describe a tag anew",
            body=schemas.TagChanges,
            answers={200: schemas.Tag},
        ),
        Route(
            "DELETE",
            _ONE,
            delete_tag,
            source=_SOURCE,
            summary="Delete a tag",
            answers={204: None},
        ),
    )
)

"""Web Push keys: what pages subscribe with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.native.mapping import webpush_keys as mapping
from heliograph.dialects.native.routes.admission import APPLICATION, PAGE, caller_of
from heliograph.dialects.native.schemas import paging
from heliograph.dialects.native.schemas import webpush_keys as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response, schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def create_webpush_key(request: Request, core: Core) -> Response:
    """Make a key for new subscriptions; the former ones go on serving theirs."""
    principal, application = await caller_of(request, core)
    body = await request.read(schemas.WebPushKeyBody)
    keys = await core.webpush_keys.create(principal, application, body.contact)
    return schema_response(mapping.from_keys(keys), 201)


async def list_webpush_keys(request: Request, core: Core) -> Response:
    """Say the public keys."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    return schema_response(
        mapping.from_keys(await core.webpush_keys.all_of(principal, application))
    )


async def delete_webpush_key(request: Request, core: Core) -> Response:
    """Remove a former key."""
    principal, application = await caller_of(request, core)
    await core.webpush_keys.remove(principal, application, request.path_params["key"])
    return empty_response()


ROUTES = (
    Route(
        "POST",
        f"{APPLICATION}/webpush/keys",
        create_webpush_key,
        source=f"{PAGE}#browsers",
        summary="Make a Web Push key",
        body=schemas.WebPushKeyBody,
        answers={201: schemas.WebPushKeys},
    ),
    Route(
        "GET",
        f"{APPLICATION}/webpush/keys",
        list_webpush_keys,
        source=f"{PAGE}#browsers",
        summary="Show the public Web Push keys",
        answers={200: schemas.WebPushKeys},
    ),
    Route(
        "DELETE",
        f"{APPLICATION}/webpush/keys/{{key}}",
        delete_webpush_key,
        source=f"{PAGE}#browsers",
        summary="Remove a former Web Push key",
        answers={204: None},
    ),
)

"""Webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.dialects.mobilefirst.auth import scopes
from heliograph.dialects.mobilefirst.mapping import paging
from heliograph.dialects.mobilefirst.mapping import webhooks as mapping
from heliograph.dialects.mobilefirst.routes.admission import (
    APPLICATION,
    admit,
    also_with_slash,
    answer,
)
from heliograph.dialects.mobilefirst.schemas import webhooks as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.core.model.webhook import Webhook
    from heliograph.dialects.mobilefirst.routes.admission import Admission
    from heliograph.web.request import Request

_COLLECTION = f"{APPLICATION}/webhooks"
_ONE = f"{_COLLECTION}/{{webhook_name}}"
_SOURCE = "docs/dialects/mobilefirst.md#webhooks"


async def create_webhook(request: Request, core: Core) -> Response:
    """Make a webhook; 201 with it."""
    entry = await admit(request, core, scopes.WEBHOOKS_WRITE)
    draft = mapping.to_draft(await request.read(schemas.WebhookBody))
    made, _ = await core.webhooks.create(entry.principal, entry.application, draft)
    return answer(mapping.from_webhook(made), 201)


async def list_webhooks(request: Request, core: Core) -> Response:
    """List webhooks; 200."""
    entry = await admit(request, core, scopes.WEBHOOKS_READ)
    place, pairs = entry.place("webhooks"), request.query_params.multi_items()
    window = paging.to_window(paging.to_query(pairs, schemas.WebhookQuery))
    named = [each for each in await _all(core, entry) if each.name]
    listed = paging.sliced(named, window)
    info = paging.page_info(window, listed, place, pairs)
    shown = tuple(mapping.from_webhook(each) for each in listed.items)
    return answer(schemas.WebhookList(webhooks=shown, pageInfo=info))


async def get_webhook(request: Request, core: Core) -> Response:
    """Show a webhook; 200."""
    entry = await admit(request, core, scopes.WEBHOOKS_READ)
    return answer(
        mapping.from_webhook(await _named(core, entry, request.path_params["webhook_name"]))
    )


async def update_webhook(request: Request, core: Core) -> Response:
    """Change a webhook; 200 with it."""
    entry = await admit(request, core, scopes.WEBHOOKS_WRITE)
    body = await request.read(schemas.WebhookChanges)
    return await _update(core, entry, body, request.path_params["webhook_name"])


async def update_named_webhook(request: Request, core: Core) -> Response:
    """Change the webhook that the body names; 200 with it."""
    entry = await admit(request, core, scopes.WEBHOOKS_WRITE)
    body = await request.read(schemas.WebhookChanges)
    if body.name is None:
        raise InvalidRequest([Problem(("name",), ProblemKind.MISSING, "present")])
    return await _update(core, entry, body, body.name)


async def delete_webhook(request: Request, core: Core) -> Response:
    """Delete a webhook; 204."""
    entry = await admit(request, core, scopes.WEBHOOKS_WRITE)
    known = await _named(core, entry, request.path_params["webhook_name"])
    await core.webhooks.remove(entry.principal, entry.application, known.id)
    return empty_response()


async def delete_no_webhook(request: Request, core: Core) -> Response:
    """Refuse to delete without a name: a published client forgets it."""
    await admit(request, core, scopes.WEBHOOKS_WRITE)
    raise InvalidRequest([Problem(("webhookName",), ProblemKind.MISSING, "part of the path")])


async def _update(
    core: Core, entry: Admission, body: schemas.WebhookChanges, name: str
) -> Response:
    changes = mapping.to_changes(body, name)
    known = await _named(core, entry, name)
    changed = await core.webhooks.change(entry.principal, entry.application, known.id, changes)
    return answer(mapping.from_webhook(changed))


async def _all(core: Core, entry: Admission) -> list[Webhook]:
    return [*await core.webhooks.all_of(entry.principal, entry.application)]


async def _named(core: Core, entry: Admission, name: str) -> Webhook:
    for each in await _all(core, entry):
        if each.name == name:
            return each
    raise NotFound("webhook", name)


ROUTES = also_with_slash(
    (
        Route(
            "POST",
            _COLLECTION,
            create_webhook,
            source=_SOURCE,
            summary="Make a webhook",
            body=schemas.WebhookBody,
            answers={201: schemas.Webhook},
        ),
        Route(
            "GET",
            _COLLECTION,
            list_webhooks,
            source=_SOURCE,
            summary="List webhooks",
            query=schemas.WebhookQuery,
            answers={200: schemas.WebhookList},
        ),
        Route(
            "PUT",
            _COLLECTION,
            update_named_webhook,
            source=_SOURCE,
            summary="Change the webhook that the body names",
            body=schemas.WebhookChanges,
            answers={200: schemas.Webhook},
        ),
        Route(
            "DELETE",
            _COLLECTION,
            delete_no_webhook,
            source=_SOURCE,
            summary="Refuse to delete without a name",
            answers={400: None},
        ),
        Route(
            "GET",
            _ONE,
            get_webhook,
            source=_SOURCE,
            summary="Show a webhook",
            answers={200: schemas.Webhook},
        ),
        Route(
            "PUT",
            _ONE,
            update_webhook,
            source=_SOURCE,
            summary="Change a webhook",
            body=schemas.WebhookChanges,
            answers={200: schemas.Webhook},
        ),
        Route(
            "DELETE",
            _ONE,
            delete_webhook,
            source=_SOURCE,
            summary="Delete a webhook",
            answers={204: None},
        ),
    )
)

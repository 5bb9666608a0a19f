"""Webhooks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from heliograph.core.ids import parse
from heliograph.dialects.native.mapping import cursors
from heliograph.dialects.native.mapping import webhooks as mapping
from heliograph.dialects.native.routes.admission import (
    APPLICATION,
    NEVER_CACHED,
    PAGE,
    caller_of,
    location_of,
)
from heliograph.dialects.native.schemas import paging
from heliograph.dialects.native.schemas import webhooks as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response, schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.core.ids import Id
    from heliograph.web.request import Request


async def create_webhook(request: Request, core: Core) -> Response:
    """Make a webhook; 201 with its secret, which is shown this once."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    body = await request.read(schemas.WebhookBody)
    webhook, secret = await core.webhooks.create(principal, application, mapping.to_draft(body))
    location = location_of(request, application, "webhook", webhook.id)
    return schema_response(mapping.from_new(webhook, secret), 201, NEVER_CACHED | location)


async def list_webhooks(request: Request, core: Core) -> Response:
    """List an application's webhooks."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    return schema_response(
        mapping.from_webhooks(await core.webhooks.all_of(principal, application))
    )


async def get_webhook(request: Request, core: Core) -> Response:
    """Show one webhook."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    webhook = await core.webhooks.get(principal, application, _webhook_id(request))
    return schema_response(mapping.from_webhook(webhook))


async def change_webhook(request: Request, core: Core) -> Response:
    """Change one webhook."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    body = await request.read(schemas.WebhookChange)
    changes = mapping.to_changes(body)
    webhook = await core.webhooks.change(principal, application, _webhook_id(request), changes)
    return schema_response(mapping.from_webhook(webhook))


async def delete_webhook(request: Request, core: Core) -> Response:
    """Delete one webhook."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    await core.webhooks.remove(principal, application, _webhook_id(request))
    return empty_response()


async def enable_webhook(request: Request, core: Core) -> Response:
    """Send to a disabled webhook again."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    webhook = await core.webhooks.enable(principal, application, _webhook_id(request))
    return schema_response(mapping.from_webhook(webhook))


async def disable_webhook(request: Request, core: Core) -> Response:
    """Send nothing more to a webhook."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    webhook = await core.webhooks.disable(principal, application, _webhook_id(request))
    return schema_response(mapping.from_webhook(webhook))


async def rotate_secret(request: Request, core: Core) -> Response:
    """Give a webhook a new secret, which is shown this once."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    body = await request.read(schemas.RotationBody)
    secret = await core.webhooks.rotate(
        principal, application, _webhook_id(request), timedelta(seconds=body.overlap_s)
    )
    return schema_response(schemas.NewSecret(secret=secret), 200, NEVER_CACHED)


async def list_attempts(request: Request, core: Core) -> Response:
    """List the calls of a webhook, newest first."""
    principal, application = await caller_of(request, core)
    query = request.query(paging.PageQuery)
    attempts, next_before = await core.webhooks.attempts(
        principal,
        application,
        _webhook_id(request),
        before=cursors.to_id_cursor(query.cursor),
        limit=query.limit,
    )
    return schema_response(mapping.from_attempts(attempts, next_before))


async def replay_events(request: Request, core: Core) -> Response:
    """Send events again; 202 with their number."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    body = await request.read(schemas.ReplayBody)
    count = await core.webhooks.replay(
        principal,
        application,
        _webhook_id(request),
        event_ids=mapping.to_event_ids(body),
        since=body.since,
        until=body.until,
    )
    return schema_response(schemas.ReplayReport(events=count), 202)


def _webhook_id(request: Request) -> Id:
    return parse("webhook", request.path_params["id"])


_ALL = f"{APPLICATION}/webhooks"
_ONE = f"{_ALL}/{{id}}"
_SOURCE = f"{PAGE}#webhooks"

ROUTES = (
    Route(
        "POST",
        _ALL,
        create_webhook,
        source=_SOURCE,
        summary="Make a webhook",
        body=schemas.WebhookBody,
        answers={201: schemas.NewWebhook},
    ),
    Route(
        "GET",
        _ALL,
        list_webhooks,
        source=_SOURCE,
        summary="List webhooks",
        answers={200: schemas.WebhookList},
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
        "PATCH",
        _ONE,
        change_webhook,
        source=_SOURCE,
        summary="Change a webhook",
        body=schemas.WebhookChange,
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
    Route(
        "POST",
        f"{_ONE}/enable",
        enable_webhook,
        source=_SOURCE,
        summary="Send to a disabled webhook again",
        answers={200: schemas.Webhook},
    ),
    Route(
        "POST",
        f"{_ONE}/disable",
        disable_webhook,
        source=_SOURCE,
        summary="Send nothing more to a webhook",
        answers={200: schemas.Webhook},
    ),
    Route(
        "POST",
        f"{_ONE}/rotate-secret",
        rotate_secret,
        source=_SOURCE,
        summary="Give a webhook a new secret",
        body=schemas.RotationBody,
        answers={200: schemas.NewSecret},
    ),
    Route(
        "GET",
        f"{_ONE}/attempts",
        list_attempts,
        source=_SOURCE,
        summary="List the calls of a webhook, newest first",
        query=paging.PageQuery,
        answers={200: schemas.AttemptList},
    ),
    Route(
        "POST",
        f"{_ONE}/replay",
        replay_events,
        source=_SOURCE,
        summary="Send events again",
        body=schemas.ReplayBody,
        answers={202: schemas.ReplayReport},
    ),
)

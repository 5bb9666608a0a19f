"""Notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.native.mapping import audiences, cursors
from heliograph.dialects.native.mapping import notifications as mapping
from heliograph.dialects.native.routes.admission import (
    APPLICATION,
    PAGE,
    caller_of,
    location_of,
    notification_id,
)
from heliograph.dialects.native.schemas import notifications as schemas
from heliograph.dialects.native.schemas import paging
from heliograph.web.dialect import Route
from heliograph.web.responses import schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def create_notification(request: Request, core: Core) -> Response:
    """Accept a notification; 202, for its deliveries are yet to come."""
    principal, application = await caller_of(request, core)
    body = await request.read(schemas.NotificationBody)
    given = request.headers.getlist("idempotency-key")
    key = mapping.to_idempotency_key(given, await request.json())
    users = await core.members.ids_of(principal, application, audiences.users_named(body.audience))
    notification = await core.notifications.accept(
        principal,
        application,
        audiences.to_audience(body.audience, users),
        mapping.to_content(body.content, is_template=body.audience.has_places),
        mapping.to_options(body.options),
        key,
    )
    location = location_of(request, application, "notification", notification.id)
    return schema_response(mapping.from_notification(notification), 202, location)


async def list_notifications(request: Request, core: Core) -> Response:
    """List notifications, newest first."""
    principal, application = await caller_of(request, core)
    query = request.query(paging.PageQuery)
    notifications, next_before = await core.notifications.recent(
        principal, application, before=cursors.to_id_cursor(query.cursor), limit=query.limit
    )
    return schema_response(mapping.from_notifications(notifications, next_before))


async def get_notification(request: Request, core: Core) -> Response:
    """Show a notification and how its deliveries stand."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    report = await core.notifications.report(principal, application, notification_id(request))
    receipts = await core.receipts.counters(principal, application, report.notification.id)
    return schema_response(mapping.from_report(report, receipts))


async def cancel_notification(request: Request, core: Core) -> Response:
    """End a notification before its time."""
    principal, application = await caller_of(request, core)
    notification = await core.notifications.cancel(principal, application, notification_id(request))
    return schema_response(mapping.from_notification(notification))


async def pause_notification(request: Request, core: Core) -> Response:
    """Hold a notification."""
    principal, application = await caller_of(request, core)
    notification = await core.notifications.pause(principal, application, notification_id(request))
    return schema_response(mapping.from_notification(notification))


async def resume_notification(request: Request, core: Core) -> Response:
    """Let a notification go on."""
    principal, application = await caller_of(request, core)
    notification = await core.notifications.resume(principal, application, notification_id(request))
    return schema_response(mapping.from_notification(notification))


ROUTES = (
    Route(
        "POST",
        f"{APPLICATION}/notifications",
        create_notification,
        source=f"{PAGE}#notifications",
        summary="Send a notification",
        body=schemas.NotificationBody,
        headers=schemas.RepeatHeaders,
        answers={202: schemas.Notification},
    ),
    Route(
        "GET",
        f"{APPLICATION}/notifications",
        list_notifications,
        source=f"{PAGE}#notifications",
        summary="List notifications, newest first",
        query=paging.PageQuery,
        answers={200: schemas.NotificationList},
    ),
    Route(
        "GET",
        f"{APPLICATION}/notifications/{{id}}",
        get_notification,
        source=f"{PAGE}#notifications",
        summary="Show a notification and its counters",
        answers={200: schemas.NotificationReport},
    ),
    Route(
        "POST",
        f"{APPLICATION}/notifications/{{id}}/cancel",
        cancel_notification,
        source=f"{PAGE}#notifications",
        summary="End a notification before its time",
        answers={200: schemas.Notification},
    ),
    Route(
        "POST",
        f"{APPLICATION}/notifications/{{id}}/pause",
        pause_notification,
        source=f"{PAGE}#notifications",
        summary="Hold a notification",
        answers={200: schemas.Notification},
    ),
    Route(
        "POST",
        f"{APPLICATION}/notifications/{{id}}/resume",
        resume_notification,
        source=f"{PAGE}#notifications",
        summary="Let a paused notification go on",
        answers={200: schemas.Notification},
    ),
)

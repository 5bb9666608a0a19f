"""Twilio's operations: the operations that sends began."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import NotFound
from heliograph.core.model.identity import Scope
from heliograph.dialects.twilio.auth.callers import caller_of
from heliograph.dialects.twilio.mapping import ids, notifications, paging
from heliograph.dialects.twilio.routes.admission import (
    PAGE,
    applications_of,
    behind,
    oldest_shown,
    pagination,
    shown,
)
from heliograph.dialects.twilio.schemas import notifications as schemas
from heliograph.web.dialect import Route

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def list_operations(request: Request, core: Core) -> Response:
    """List operations, newest first."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.NOTIFICATIONS_READ)
    query = request.query(schemas.OperationQuery)
    filters = paging.to_filters("Operations", query, principal)
    this = behind(core, query.page_token, filters)
    reports, following = await core.recipient_lists.sends(
        principal,
        await applications_of(core, principal),
        notifications.to_send_filter(query, oldest=oldest_shown(core)),
        before=paging.to_id(this),
        limit=query.page_size,
    )
    page = schemas.Operations(
        operations=tuple(map(notifications.from_send, reports)),
        pagination=pagination(core, filters, this, following),
    )
    return shown(page)


async def get_operation(request: Request, core: Core) -> Response:
    """Show one operation."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.NOTIFICATIONS_READ)
    name = request.path_params["operation_id"]
    notification_id = ids.to_operation_id(name)
    if notification_id is None:
        raise NotFound("operation", name)
    applications = await applications_of(core, principal)
    try:
        report = await core.recipient_lists.send(
            principal, applications, notification_id, since=oldest_shown(core)
        )
    except NotFound:
        # To the core it is a notification; the vendor calls recipients' that.
        raise NotFound("operation", name) from None
    return shown(notifications.from_send(report))


ROUTES = (
    Route(
        "GET",
        "/v1/PushNotifications/Operations",
        list_operations,
        source=f"{PAGE}#operations",
        summary="List operations",
        query=schemas.OperationQuery,
        answers={200: schemas.Operations},
    ),
    Route(
        "GET",
        "/v1/PushNotifications/Operations/{operation_id}",
        get_operation,
        source=f"{PAGE}#operations",
        summary="Show an operation",
        answers={200: schemas.Operation},
    ),
)

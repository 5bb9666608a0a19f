"""Deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.native.mapping import deliveries as mapping
from heliograph.dialects.native.routes.admission import (
    APPLICATION,
    PAGE,
    caller_of,
    notification_id,
)
from heliograph.dialects.native.schemas import deliveries as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def list_deliveries(request: Request, core: Core) -> Response:
    """List what became of a notification, target by target."""
    principal, application = await caller_of(request, core)
    query = request.query(schemas.DeliveryQuery)
    page = await core.notifications.deliveries(
        principal,
        application,
        notification_id(request),
        mapping.to_filter(query),
        after=mapping.to_delivery_cursor(query.cursor),
        limit=query.limit,
    )
    receipts = await core.receipts.of_deliveries(principal, application, page.items)
    return schema_response(mapping.from_deliveries(page, receipts))


ROUTES = (
    Route(
        "GET",
        f"{APPLICATION}/notifications/{{id}}/deliveries",
        list_deliveries,
        source=f"{PAGE}#deliveries",
        summary="List what became of it, target by target",
        query=schemas.DeliveryQuery,
        answers={200: schemas.DeliveryList},
    ),
)

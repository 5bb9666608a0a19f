"""Receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.native.mapping import receipts as mapping
from heliograph.dialects.native.routes.admission import (
    APPLICATION,
    PAGE,
    caller_of,
    notification_id,
)
from heliograph.dialects.native.schemas import paging
from heliograph.dialects.native.schemas import receipts as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def record_receipt(request: Request, core: Core) -> Response:
    """Take what an app reports of a delivery; 204, also for what is known already."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    body = await request.read(schemas.ReceiptBody)
    receipt = mapping.to_receipt(body, application.id, notification_id(request), core.clock.now())
    await core.receipts.record(principal, application, receipt)
    return empty_response()


ROUTES = (
    Route(
        "POST",
        f"{APPLICATION}/notifications/{{id}}/receipts",
        record_receipt,
        source=f"{PAGE}#receipts",
        summary="Report what became of a delivery",
        body=schemas.ReceiptBody,
        answers={204: None},
    ),
)

"""Looking before anything is sent: whom it would reach, and as which bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.native.mapping import audiences, notifications, previews
from heliograph.dialects.native.routes.admission import APPLICATION, PAGE, caller_of
from heliograph.dialects.native.schemas.audiences import CountBody, Reach
from heliograph.dialects.native.schemas.notifications import NotificationBody
from heliograph.dialects.native.schemas.previews import PreviewList, PreviewQuery
from heliograph.web.dialect import Route
from heliograph.web.responses import schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def count_audience(request: Request, core: Core) -> Response:
    """Count whom an audience reaches."""
    principal, application = await caller_of(request, core)
    body = await request.read(CountBody)
    users = await core.members.ids_of(principal, application, audiences.users_named(body.audience))
    audience = audiences.to_audience(body.audience, users)
    reach = await core.dry_runs.reach(principal, application, audience)
    return schema_response(audiences.from_reach(reach))


async def preview_notification(request: Request, core: Core) -> Response:
    """Show what each provider would get."""
    principal, application = await caller_of(request, core)
    query = request.query(PreviewQuery)
    body = await request.read(NotificationBody)
    users = await core.members.ids_of(principal, application, audiences.users_named(body.audience))
    samples = await core.dry_runs.preview(
        principal,
        application,
        audiences.to_audience(body.audience, users),
        notifications.to_content(body.content, is_template=body.audience.has_places),
        notifications.to_options(body.options),
        per_provider=query.samples,
    )
    return schema_response(previews.from_samples(samples))


ROUTES = (
    Route(
        "POST",
        f"{APPLICATION}/audience/count",
        count_audience,
        source=f"{PAGE}#previews",
        summary="Count whom an audience reaches",
        body=CountBody,
        answers={200: Reach},
    ),
    Route(
        "POST",
        f"{APPLICATION}/notifications/preview",
        preview_notification,
        source=f"{PAGE}#previews",
        summary="Show what each provider would get",
        body=NotificationBody,
        query=PreviewQuery,
        answers={200: PreviewList},
    ),
)

"""Notifications and announcements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.model.notification import Options
from heliograph.core.notifications.split_sends import accept_parts
from heliograph.dialects.layer.auth.back_ends import back_end_of
from heliograph.dialects.layer.mapping import notifications as mapping
from heliograph.dialects.layer.routes.admission import DOCUMENT
from heliograph.dialects.layer.schemas import notifications as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response, schema_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.notification import Notification
    from heliograph.web.request import Request


async def create_notification(request: Request, core: Core) -> Response:
    """Send a notification to users; 202, empty."""
    principal, application = await back_end_of(request, core)
    body = await request.read(schemas.NotificationBody)
    await _send(request, core, principal, application, body.recipients, body.notification)
    return empty_response(202)


async def create_announcement(request: Request, core: Core) -> Response:
    """Send an announcement to users, as a push; 202 with it."""
    principal, application = await back_end_of(request, core)
    body = await request.read(schemas.AnnouncementBody)
    said = mapping.to_announced(body)
    accepted = await _send(request, core, principal, application, body.recipients, said)
    shown = mapping.from_announcement(body, accepted[0], application, request.door.public_url)
    return schema_response(shown, 202)


async def _send(
    request: Request,
    core: Core,
    principal: Principal,
    application: Application,
    recipients: Sequence[str],
    said: schemas.NotificationObject,
) -> Sequence[Notification]:
    given = request.headers.getlist(mapping.REQUEST_ID_HEADER)
    key = mapping.to_key(given, await request.json())
    names = mapping.to_recipients(recipients)
    badges = await core.members.badges_of(principal, application, names)
    parts = mapping.to_parts(names, said, badges)
    return await accept_parts(core.notifications, principal, application, parts, Options(), key)


_SOURCE = f"{DOCUMENT}#notifications"

ROUTES = (
    Route(
        "POST",
        "/apps/{app_uuid}/notifications",
        create_notification,
        source=_SOURCE,
        summary="Send a notification",
        body=schemas.NotificationBody,
        answers={202: None},
    ),
    Route(
        "POST",
        "/apps/{app_uuid}/announcements",
        create_announcement,
        source=_SOURCE,
        summary="Send an announcement",
        body=schemas.AnnouncementBody,
        answers={202: schemas.Announcement},
    ),
)

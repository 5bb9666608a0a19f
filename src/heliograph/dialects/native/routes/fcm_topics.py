"""Who is in FCM's own topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.native.mapping import fcm_topics as mapping
from heliograph.dialects.native.routes.admission import APPLICATION, PAGE, caller_of
from heliograph.dialects.native.schemas import fcm_topics as schemas
from heliograph.dialects.native.schemas import paging
from heliograph.web.dialect import Route
from heliograph.web.responses import schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def join_topic(request: Request, core: Core) -> Response:
    """Subscribe devices to a topic."""
    return await _change(request, core, is_joining=True)


async def leave_topic(request: Request, core: Core) -> Response:
    """End devices' subscriptions to a topic."""
    return await _change(request, core, is_joining=False)


async def _change(request: Request, core: Core, *, is_joining: bool) -> Response:
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    body = await request.read(schemas.TopicMembers)
    change = mapping.to_change(body, request.path_params["topic"], is_joining=is_joining)
    outcomes = await core.topic_subscriptions.change(principal, application, change)
    return schema_response(mapping.from_outcomes(body, outcomes))


_PATH = f"{APPLICATION}/fcm/topics/{{topic}}/registrations"

ROUTES = (
    Route(
        "POST",
        _PATH,
        join_topic,
        source=f"{PAGE}#topics",
        summary="Subscribe devices to an FCM topic",
        body=schemas.TopicMembers,
        answers={200: schemas.TopicReport},
    ),
    Route(
        "DELETE",
        _PATH,
        leave_topic,
        source=f"{PAGE}#topics",
        summary="End devices' subscriptions to an FCM topic",
        body=schemas.TopicMembers,
        answers={200: schemas.TopicReport},
    ),
)

"""Users: their badges, sessions and suspension."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.layer.auth.back_ends import back_end_of
from heliograph.dialects.layer.mapping import patches
from heliograph.dialects.layer.mapping import users as mapping
from heliograph.dialects.layer.mapping.sessions import to_user_id
from heliograph.dialects.layer.routes.admission import DOCUMENT, overridden, read_changes
from heliograph.dialects.layer.schemas import users as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response, schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def put_badge(request: Request, core: Core) -> Response:
    """Set the number on a user's icon, and push it; 204."""
    principal, application = await back_end_of(request, core)
    body = await request.read(schemas.BadgeBody)
    user_id = _user_id(request)
    await core.members.set_badge(principal, application, user_id, body.external_unread_count)
    return empty_response()


async def get_badge(request: Request, core: Core) -> Response:
    """Show a user's counts; 200."""
    principal, application = await back_end_of(request, core)
    state = await core.members.get(principal, application, _user_id(request))
    return schema_response(mapping.from_badge(state))


async def get_user(request: Request, core: Core) -> Response:
    """Show how a user stands; 200."""
    principal, application = await back_end_of(request, core)
    user_id = _user_id(request)
    state = await core.members.get(principal, application, user_id)
    return schema_response(mapping.from_user(user_id, state))


async def patch_user(request: Request, core: Core) -> Response:
    """Shut a user out, or let them in again; 202, empty."""
    principal, application = await back_end_of(request, core)
    is_suspended = patches.to_suspended(await read_changes(request))
    change = core.members.suspend if is_suspended else core.members.resume
    await change(principal, application, _user_id(request))
    return empty_response(202)


async def delete_user_sessions(request: Request, core: Core) -> Response:
    """End every session of a user; 204."""
    principal, application = await back_end_of(request, core)
    await core.sessions.sign_out(principal, application, _user_id(request))
    return empty_response()


def _user_id(request: Request) -> str:
    return to_user_id(request.path_params["user_id"])


_USER = "/apps/{app_uuid}/users/{user_id}"
_BADGE = f"{_USER}/badge"
_SOURCE = f"{DOCUMENT}#users"

ROUTES = (
    Route(
        "PUT",
        _BADGE,
        put_badge,
        source=_SOURCE,
        summary="Set a user's badge",
        body=schemas.BadgeBody,
        answers={204: None},
    ),
    Route(
        "GET",
        _BADGE,
        get_badge,
        source=_SOURCE,
        summary="Show a user's badge",
        answers={200: schemas.Badge},
    ),
    Route(
        "GET",
        _USER,
        get_user,
        source=_SOURCE,
        summary="Show how a user stands",
        answers={200: schemas.User},
    ),
    Route(
        "PATCH",
        _USER,
        patch_user,
        source=_SOURCE,
        summary="Suspend a user, or let them in again",
        answers={202: None},
    ),
    Route(
        "POST",
        _USER,
        overridden(patch_user, "GET"),
        source=_SOURCE,
        summary="Suspend a user: a POST that stands for a PATCH",
        answers={202: None},
    ),
    Route(
        "DELETE",
        f"{_USER}/sessions",
        delete_user_sessions,
        source=_SOURCE,
        summary="End a user's sessions",
        answers={204: None},
    ),
)

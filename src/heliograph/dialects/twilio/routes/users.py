"""Twilio's operations: Users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import NotFound
from heliograph.core.model.identity import Scope
from heliograph.dialects.twilio.auth.callers import caller_of
from heliograph.dialects.twilio.mapping import answers, ids, paging, users
from heliograph.dialects.twilio.routes.admission import PAGE, accepted, behind, pagination, shown
from heliograph.dialects.twilio.schemas import users as schemas
from heliograph.dialects.twilio.schemas.wire import NamedResource
from heliograph.web.dialect import Route

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.core.ids import Id
    from heliograph.web.request import Request


async def list_users(request: Request, core: Core) -> Response:
    """List Users, newest first."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.REGISTRATIONS_READ)
    query = request.query(schemas.UserQuery)
    filters = paging.to_filters("Users", query, principal)
    this = behind(core, query.page_token, filters)
    found, following = await core.people.recent(
        principal, before=paging.to_id(this), limit=query.page_size
    )
    page = schemas.PushUsers(
        users=tuple(map(users.from_user, found)),
        pagination=pagination(core, filters, this, following),
    )
    return shown(page)


async def get_user(request: Request, core: Core) -> Response:
    """Show one User."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.REGISTRATIONS_READ)
    return shown(users.from_user(await core.people.get(principal, _user_in_path(request))))


async def delete_user(request: Request, core: Core) -> Response:
    """Delete a User with their devices; 202, with their id."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.REGISTRATIONS_WRITE)
    user_id = _user_in_path(request)
    await core.people.remove(principal, user_id)
    return accepted(answers.named("Users", ids.spell_user(user_id), request.door.public_url))


def _user_in_path(request: Request) -> Id:
    """Read the id that the path spells; raises NotFound."""
    name = request.path_params["user_id"]
    user_id = ids.to_user_id(name)
    if user_id is None:
        raise NotFound("user", name)
    return user_id


ROUTES = (
    Route(
        "GET",
        "/v1/PushNotifications/Users",
        list_users,
        source=f"{PAGE}#users",
        summary="List Users",
        query=schemas.UserQuery,
        answers={200: schemas.PushUsers},
    ),
    Route(
        "GET",
        "/v1/PushNotifications/Users/{user_id}",
        get_user,
        source=f"{PAGE}#users",
        summary="Show a User",
        answers={200: schemas.PushUser},
    ),
    Route(
        "DELETE",
        "/v1/PushNotifications/Users/{user_id}",
        delete_user,
        source=f"{PAGE}#users",
        summary="Delete a User",
        answers={202: NamedResource},
    ),
)

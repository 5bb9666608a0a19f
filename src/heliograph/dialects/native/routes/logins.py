"""Logins, and signing users out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.ids import parse
from heliograph.dialects.native.mapping import cursors
from heliograph.dialects.native.mapping import logins as mapping
from heliograph.dialects.native.routes.admission import APPLICATION, PAGE, caller_of, location_of
from heliograph.dialects.native.schemas import logins as schemas
from heliograph.dialects.native.schemas import paging
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response, schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.core.ids import Id
    from heliograph.web.request import Request


async def create_login(request: Request, core: Core) -> Response:
    """Give a user a login; 201 with it."""
    principal, application = await caller_of(request, core)
    body = await request.read(schemas.LoginBody)
    login = await core.logins.create(
        principal, application, body.form, body.login, body.password, body.user_id
    )
    location = location_of(request, application, "login", login.id)
    return schema_response(mapping.from_login(login), 201, location)


async def list_logins(request: Request, core: Core) -> Response:
    """List logins by age."""
    principal, application = await caller_of(request, core)
    query = request.query(paging.PageQuery)
    after = cursors.to_id_cursor(query.cursor)
    found = await core.logins.find(principal, application, after=after, limit=query.limit + 1)
    return schema_response(mapping.from_logins(found, query.limit))


async def get_login(request: Request, core: Core) -> Response:
    """Show one login."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    login = await core.logins.get(principal, application, _login_id(request))
    return schema_response(mapping.from_login(login))


async def change_login(request: Request, core: Core) -> Response:
    """Change a login's name or password."""
    principal, application = await caller_of(request, core)
    named = _login_id(request)
    body = await request.read(schemas.LoginChanges)
    login = await core.logins.change(
        principal, application, named, name=body.login, password=body.password
    )
    return schema_response(mapping.from_login(login))


async def delete_login(request: Request, core: Core) -> Response:
    """Forget a login."""
    principal, application = await caller_of(request, core)
    await core.logins.delete(principal, application, _login_id(request))
    return empty_response()


async def sign_out(request: Request, core: Core) -> Response:
    """End all of a user's sessions."""
    principal, application = await caller_of(request, core)
    await core.sessions.sign_out(principal, application, request.path_params["user"])
    return empty_response()


def _login_id(request: Request) -> Id:
    """Read the login that a path names; raises NotFound."""
    return parse("login", request.path_params["id"])


_ALL = f"{APPLICATION}/logins"
_ONE = f"{_ALL}/{{id}}"
_SOURCE = f"{PAGE}#logins"

ROUTES = (
    Route(
        "POST",
        _ALL,
        create_login,
        source=_SOURCE,
        summary="Give a user a login",
        body=schemas.LoginBody,
        answers={201: schemas.Login},
    ),
    Route(
        "GET",
        _ALL,
        list_logins,
        source=_SOURCE,
        summary="List logins",
        query=paging.PageQuery,
        answers={200: schemas.LoginList},
    ),
    Route(
        "GET",
        _ONE,
        get_login,
        source=_SOURCE,
        summary="Show a login",
        answers={200: schemas.Login},
    ),
    Route(
        "PATCH",
        _ONE,
        change_login,
        source=_SOURCE,
        summary="Change a login's name or password",
        body=schemas.LoginChanges,
        answers={200: schemas.Login},
    ),
    Route(
        "DELETE",
        _ONE,
        delete_login,
        source=_SOURCE,
        summary="Forget a login",
        answers={204: None},
    ),
    Route(
        "DELETE",
        f"{APPLICATION}/users/{{user}}/sessions",
        sign_out,
        source=f"{PAGE}#sessions",
        summary="Sign a user out everywhere",
        answers={204: None},
    ),
)

"""Twilio's operations: Apps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.model.identity import Scope
from heliograph.dialects.twilio.auth.callers import caller_of
from heliograph.dialects.twilio.mapping import answers, credentials, ids, paging
from heliograph.dialects.twilio.routes.admission import (
    PAGE,
    accepted,
    app_called,
    apps_of,
    behind,
    pagination,
    shown,
)
from heliograph.dialects.twilio.schemas import apps as schemas
from heliograph.dialects.twilio.schemas.credentials import ChangeDefault
from heliograph.dialects.twilio.schemas.wire import NamedResource
from heliograph.web.dialect import Route

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.applications.named_applications import NamedApplication
    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def list_apps(request: Request, core: Core) -> Response:
    """List Apps, newest first."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.APPLICATIONS_READ)
    query = request.query(schemas.AppQuery)
    filters = paging.to_filters("Apps", query, principal)
    this = behind(core, query.page_token, filters)
    before = paging.to_id(this)
    found = [
        each
        for each in reversed(await apps_of(core, principal))
        if (before is None or each.application.id < before) and _is_wanted(each, query)
    ]
    some = found[: query.page_size]
    page = schemas.Apps(
        apps=tuple([await _shown_app(core, each) for each in some]),
        pagination=pagination(
            core, filters, this, some[-1].application.id if len(found) > len(some) else None
        ),
    )
    return shown(page)


async def get_app(request: Request, core: Core) -> Response:
    """Show one App."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.APPLICATIONS_READ)
    app = await app_called(core, principal, request.path_params["app_name"])
    return shown(await _shown_app(core, app))


async def update_app(request: Request, core: Core) -> Response:
    """Make an App the default, or let it be that no longer; 202, with its name."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.APPLICATIONS_WRITE)
    body = await request.read(ChangeDefault)
    app = await app_called(core, principal, request.path_params["app_name"])
    await core.named_applications.choose(
        principal, ids.NAMING, app.name, is_default=body.is_default
    )
    return accepted(answers.named("Apps", app.name, request.door.public_url))


async def _shown_app(core: Core, app: NamedApplication) -> schemas.App:
    shelf = credentials.shown(await core.credentials.of(app.application.id))
    return credentials.from_app(app, shelf)


def _is_wanted(app: NamedApplication, query: schemas.AppQuery) -> bool:
    created = app.application.created
    return (
        query.is_default in (None, app.is_default)
        and (query.start_date is None or created >= query.start_date)
        and (query.end_date is None or created < query.end_date)
    )


ROUTES = (
    Route(
        "GET",
        "/v1/PushNotifications/Apps",
        list_apps,
        source=f"{PAGE}#apps",
        summary="List Apps",
        query=schemas.AppQuery,
        answers={200: schemas.Apps},
    ),
    Route(
        "GET",
        "/v1/PushNotifications/Apps/{app_name}",
        get_app,
        source=f"{PAGE}#apps",
        summary="Show an App",
        answers={200: schemas.App},
    ),
    Route(
        "PATCH",
        "/v1/PushNotifications/Apps/{app_name}",
        update_app,
        source=f"{PAGE}#apps",
        summary="Make an App the default",
        body=ChangeDefault,
        answers={202: NamedResource},
    ),
)

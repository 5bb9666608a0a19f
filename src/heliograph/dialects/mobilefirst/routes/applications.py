"""Applications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.errors import NotPermitted
from heliograph.core.model.registration import ProviderName
from heliograph.dialects.mobilefirst.auth import callers, scopes
from heliograph.dialects.mobilefirst.auth.callers import APPLICATION_ALIAS
from heliograph.dialects.mobilefirst.mapping import applications as mapping
from heliograph.dialects.mobilefirst.mapping import filters, paging
from heliograph.dialects.mobilefirst.routes.admission import (
    APPLICATION,
    admit,
    also_with_slash,
    answer,
    check_media,
)
from heliograph.dialects.mobilefirst.schemas import applications as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

_COLLECTION = "/imfpush/v1/apps"
_SOURCE = "docs/dialects/mobilefirst.md#applications"


async def create_application(request: Request, core: Core) -> Response:
    """Make an application; 201 with it."""
    caller = await callers.account_caller_of(request, core, scopes.APPS_WRITE)
    check_media(request)
    body = await request.read(schemas.ApplicationBody)
    name = body.application_id
    if not scopes.covers(caller.elements, name):
        raise NotPermitted(scopes.needed_for(scopes.APPS_WRITE, name))
    made = await core.application_life.create(caller.principal, APPLICATION_ALIAS, name)
    if not body.is_enabled:
        await core.application_life.mute(caller.principal, made, is_muted=True)
        made = await core.applications.get(made.id)
    return answer(mapping.from_application(made, name), 201)


async def list_applications(request: Request, core: Core) -> Response:
    """List the applications that the token names; 200."""
    caller = await callers.account_caller_of(request, core, scopes.APPS_READ)
    check_media(request)
    place = paging.Place(f"{request.door.public_url}{_COLLECTION}/")
    pairs = request.query_params.multi_items()
    query = paging.to_query(pairs, schemas.ApplicationQuery)
    window = paging.to_window(query)
    asked = request.query_params.getlist("filter")
    conditions = filters.to_conditions(asked, mapping.FIELDS, ignores_others=True)
    found = [
        each
        for each in await core.application_life.all_of(caller.principal, APPLICATION_ALIAS)
        if scopes.covers(caller.elements, each.name) and mapping.is_wanted(each, conditions)
    ]
    listed = paging.sliced(found, window)
    info = paging.page_info(window, listed, place, pairs)
    shown = (mapping.from_listed(each, is_expanded=query.is_expanded) for each in listed.items)
    return answer(schemas.ApplicationList(applications=tuple(shown), pageInfo=info))


async def get_application(request: Request, core: Core) -> Response:
    """Show an application; 200."""
    entry = await admit(request, core, scopes.APPS_READ)
    name = request.path_params["application_id"]
    return answer(mapping.from_application(entry.application, name))


async def get_status(request: Request, core: Core) -> Response:
    """Say whether an application is sent to; 200."""
    entry = await admit(request, core, scopes.APPS_READ)
    shown = mapping.from_application(entry.application, "")
    return answer(schemas.Status(enabled=shown.enabled or ""))


async def put_status(request: Request, core: Core) -> Response:
    """Switch push off or on for an application; 200 with it."""
    entry = await admit(request, core, scopes.APPS_WRITE)
    body = await request.read(schemas.StatusBody)
    await core.application_life.mute(entry.principal, entry.application, is_muted=not body.enabled)
    changed = await core.applications.get(entry.application.id)
    return answer(mapping.from_application(changed, request.path_params["application_id"]))


async def put_application(request: Request, core: Core) -> Response:
    """Do what `put_status` does: the seed of the reference lists this path as well."""
    return await put_status(request, core)


async def delete_application(request: Request, core: Core) -> Response:
    """Delete an application with all it has; 204."""
    entry = await admit(request, core, scopes.APPS_WRITE)
    await core.application_life.remove(entry.principal, entry.application, APPLICATION_ALIAS)
    return empty_response()


async def get_settings(request: Request, core: Core) -> Response:
    """Say where an application's settings are; 200."""
    entry = await admit(request, core, scopes.SETTINGS_READ)
    apns = await core.provider_settings.credential(
        entry.principal, entry.application, ProviderName.APNS
    )
    name = request.path_params["application_id"]
    return answer(mapping.from_settings(name, apns, entry.place("settings")))


ROUTES = (
    *also_with_slash(
        (
            Route(
                "POST",
                _COLLECTION,
                create_application,
                source=_SOURCE,
                summary="Make an application",
                body=schemas.ApplicationBody,
                answers={201: schemas.Application},
            ),
            Route(
                "GET",
                _COLLECTION,
                list_applications,
                source=_SOURCE,
                summary="List applications",
                query=schemas.ApplicationQuery,
                answers={200: schemas.ApplicationList},
            ),
        )
    ),
    Route(
        "GET",
        APPLICATION,
        get_application,
        source=_SOURCE,
        summary="Show an application",
        answers={200: schemas.Application},
    ),
    Route(
        "PUT",
        APPLICATION,
        put_application,
        source=_SOURCE,
        summary="Switch push off or on for an application",
        body=schemas.StatusBody,
        answers={200: schemas.Application},
    ),
    Route(
        "DELETE",
        APPLICATION,
        delete_application,
        source=_SOURCE,
        summary="Delete an application with all it has",
        answers={204: None},
    ),
    Route(
        "GET",
        f"{APPLICATION}/status",
        get_status,
        source=_SOURCE,
        summary="Say whether an application is sent to",
        answers={200: schemas.Status},
    ),
    Route(
        "PUT",
        f"{APPLICATION}/status",
        put_status,
        source=_SOURCE,
        summary="Switch push off or on",
        body=schemas.StatusBody,
        answers={200: schemas.Application},
    ),
    Route(
        "GET",
        f"{APPLICATION}/settings",
        get_settings,
        source="docs/dialects/mobilefirst.md#settings",
        summary="Say where an application's settings are",
        answers={200: schemas.Settings},
    ),
)

"""Registrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.native.mapping import cursors
from heliograph.dialects.native.mapping import registrations as mapping
from heliograph.dialects.native.routes.admission import (
    APPLICATION,
    PAGE,
    caller_of,
    location_of,
    registration_id,
)
from heliograph.dialects.native.schemas import paging
from heliograph.dialects.native.schemas import registrations as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response, schema_response, spelled_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def create_registration(request: Request, core: Core) -> Response:
    """Register a token; 201 with the registration, 200 where one was refreshed."""
    principal, application = await caller_of(request, core)
    body = await request.read(schemas.RegistrationBody)
    draft = mapping.to_draft(body, principal, application, arrived_at=core.clock.now())
    with mapping.naming_problems_of(body):
        registration = await core.registrations.register(principal, application, draft)
    location = location_of(request, application, "registration", registration.id)
    return spelled_response(
        mapping.body_of(registration), mapping.status_of(registration), location
    )


async def list_registrations(request: Request, core: Core) -> Response:
    """List registrations."""
    principal, application = await caller_of(request, core)
    query = request.query(schemas.RegistrationQuery)
    page = await core.registrations.find(
        principal,
        application,
        mapping.to_filter(query),
        after=cursors.to_id_cursor(query.cursor),
        limit=query.limit,
    )
    return schema_response(mapping.from_registrations(page))


async def get_registration(request: Request, core: Core) -> Response:
    """Show one registration."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    registration = await core.registrations.get(principal, application, registration_id(request))
    return schema_response(mapping.from_registration(registration))


async def change_registration(request: Request, core: Core) -> Response:
    """Change one registration in place."""
    principal, application = await caller_of(request, core)
    named = registration_id(request)
    body = await request.read(schemas.RegistrationChanges)
    changes = mapping.to_changes(body)
    registration = await core.registrations.change(principal, application, named, changes)
    return schema_response(mapping.from_registration(registration))


async def delete_registration(request: Request, core: Core) -> Response:
    """Forget one registration."""
    principal, application = await caller_of(request, core)
    await core.registrations.remove(principal, application, registration_id(request))
    return empty_response()


ROUTES = (
    Route(
        "POST",
        f"{APPLICATION}/registrations",
        create_registration,
        source=f"{PAGE}#registrations",
        summary="Register a token",
        body=schemas.RegistrationBody,
        answers={201: schemas.Registration, 200: schemas.Registration},
    ),
    Route(
        "GET",
        f"{APPLICATION}/registrations",
        list_registrations,
        source=f"{PAGE}#registrations",
        summary="List registrations",
        query=schemas.RegistrationQuery,
        answers={200: schemas.RegistrationList},
    ),
    Route(
        "GET",
        f"{APPLICATION}/registrations/{{id}}",
        get_registration,
        source=f"{PAGE}#registrations",
        summary="Show a registration",
        answers={200: schemas.Registration},
    ),
    Route(
        "PATCH",
        f"{APPLICATION}/registrations/{{id}}",
        change_registration,
        source=f"{PAGE}#registrations",
        summary="Change a registration",
        body=schemas.RegistrationChanges,
        answers={200: schemas.Registration},
    ),
    Route(
        "DELETE",
        f"{APPLICATION}/registrations/{{id}}",
        delete_registration,
        source=f"{PAGE}#registrations",
        summary="Forget a registration",
        answers={204: None},
    ),
)

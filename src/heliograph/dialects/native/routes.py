"""Handlers and routes of the native API.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from heliograph.core.ids import parse, spell
from heliograph.dialects.native import auth, errors, mapping, schemas
from heliograph.web import openapi
from heliograph.web.dialect import Route
from heliograph.web.errors import NotAcceptable
from heliograph.web.media_types import admits_json
from heliograph.web.responses import empty_response, json_response, schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.core.ids import Id
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal
    from heliograph.web.request import Request


async def create_registration(request: Request, core: Core) -> Response:
    """Register a token; 201 with the registration, 200 where one was refreshed."""
    principal, application = await _caller_of(request, core)
    body = await request.read(schemas.RegistrationBody)
    draft = mapping.to_draft(body, principal, application, arrived_at=core.clock.now())
    registration = await core.registrations.register(principal, application, draft)
    location = _location(request, application, "registration", registration.id)
    return schema_response(
        mapping.from_registration(registration), mapping.status_of(registration), location
    )


async def list_registrations(request: Request, core: Core) -> Response:
    """List registrations."""
    principal, application = await _caller_of(request, core)
    query = request.query(schemas.RegistrationQuery)
    page = await core.registrations.find(
        principal,
        application,
        mapping.to_filter(query),
        after=mapping.to_id_cursor(query.cursor),
        limit=query.limit,
    )
    return schema_response(mapping.from_registrations(page))


async def get_registration(request: Request, core: Core) -> Response:
    """Show one registration."""
    principal, application = await _caller_of(request, core)
    request.query(schemas.NoQuery)
    registration = await core.registrations.get(principal, application, _registration_id(request))
    return schema_response(mapping.from_registration(registration))


async def change_registration(request: Request, core: Core) -> Response:
    """Change one registration in place."""
    principal, application = await _caller_of(request, core)
    registration_id = _registration_id(request)
    body = await request.read(schemas.RegistrationChanges)
    changes = mapping.to_changes(body)
    registration = await core.registrations.change(principal, application, registration_id, changes)
    return schema_response(mapping.from_registration(registration))


async def delete_registration(request: Request, core: Core) -> Response:
    """Forget one registration."""
    principal, application = await _caller_of(request, core)
    await core.registrations.remove(principal, application, _registration_id(request))
    return empty_response()


async def put_tag(request: Request, core: Core) -> Response:
    """Subscribe a registration to a tag."""
    principal, application = await _caller_of(request, core)
    await core.tags.subscribe(
        principal, application, _registration_id(request), request.path_params["tag"]
    )
    return empty_response()


async def delete_tag(request: Request, core: Core) -> Response:
    """End a registration's subscription to a tag."""
    principal, application = await _caller_of(request, core)
    await core.tags.unsubscribe(
        principal, application, _registration_id(request), request.path_params["tag"]
    )
    return empty_response()


async def list_tags(request: Request, core: Core) -> Response:
    """List a registration's tags."""
    principal, application = await _caller_of(request, core)
    request.query(schemas.NoQuery)
    labels = await core.tags.labels_of(principal, application, _registration_id(request))
    return schema_response(mapping.from_tags(labels))


async def create_session(request: Request, core: Core) -> Response:
    """Sign a user in on a back end's word."""
    principal, application = await _caller_of(request, core)
    body = await request.read(schemas.SessionBody)
    session, token = await core.identity.mint_session(
        principal, application, body.user_id, body.form, mapping.to_ttl(body)
    )
    return schema_response(mapping.from_session(session, token), 201, _NEVER_CACHED)


async def create_notification(request: Request, core: Core) -> Response:
    """Accept a notification; 202, for its deliveries are yet to come."""
    principal, application = await _caller_of(request, core)
    body = await request.read(schemas.NotificationBody)
    notification = await core.notifications.accept(
        principal,
        application,
        mapping.to_audience(body.audience),
        mapping.to_content(body.content),
        mapping.to_options(body.options),
    )
    location = _location(request, application, "notification", notification.id)
    return schema_response(mapping.from_notification(notification), 202, location)


async def list_notifications(request: Request, core: Core) -> Response:
    """List notifications, newest first."""
    principal, application = await _caller_of(request, core)
    query = request.query(schemas.PageQuery)
    notifications, next_before = await core.notifications.recent(
        principal, application, before=mapping.to_id_cursor(query.cursor), limit=query.limit
    )
    return schema_response(mapping.from_notifications(notifications, next_before))


async def get_notification(request: Request, core: Core) -> Response:
    """Show a notification and how its deliveries stand."""
    principal, application = await _caller_of(request, core)
    request.query(schemas.NoQuery)
    report = await core.notifications.report(principal, application, _notification_id(request))
    return schema_response(mapping.from_report(report))


async def list_deliveries(request: Request, core: Core) -> Response:
    """List what became of a notification, target by target."""
    principal, application = await _caller_of(request, core)
    query = request.query(schemas.PageQuery)
    page = await core.notifications.deliveries(
        principal,
        application,
        _notification_id(request),
        after=mapping.to_delivery_cursor(query.cursor),
        limit=query.limit,
    )
    return schema_response(mapping.from_deliveries(page))


async def get_openapi(request: Request, core: Core) -> Response:
    """Describe this API."""
    del core
    return json_response(_document(request.door.public_url))


def check_request(request: Request) -> None:
    """Refuse a caller whose Accept header rules JSON out; raises NotAcceptable."""
    if not admits_json(request.headers.get("accept")):
        raise NotAcceptable("Accept")


async def _caller_of(request: Request, core: Core) -> tuple[Principal, Application]:
    """Say who calls, and about which application; raises NotAuthenticated, NotFound."""
    principal = await auth.principal_of(request, core)
    application = await core.applications.seen_by(principal, request.path_params["app"])
    return principal, application


def _registration_id(request: Request) -> Id:
    return parse("registration", request.path_params["id"])


def _notification_id(request: Request) -> Id:
    return parse("notification", request.path_params["id"])


def _location(
    request: Request, application: Application, kind: str, thing_id: Id
) -> dict[str, str]:
    parent = f"{request.door.public_url}/v1/applications/{spell('application', application.id)}"
    return {"location": f"{parent}/{kind}s/{spell(kind, thing_id)}"}


_NEVER_CACHED = {"cache-control": "no-store"}
"""For answers with a secret in them."""

_APP = "/v1/applications/{app}"
_PAGE = "docs/dialects/native.md"
_OPENAPI = "/v1/openapi.json"

ROUTES = (
    Route(
        "POST",
        f"{_APP}/registrations",
        create_registration,
        source=f"{_PAGE}#registrations",
        summary="Register a token",
        body=schemas.RegistrationBody,
        answers={201: schemas.Registration, 200: schemas.Registration},
    ),
    Route(
        "GET",
        f"{_APP}/registrations",
        list_registrations,
        source=f"{_PAGE}#registrations",
        summary="List registrations",
        query=schemas.RegistrationQuery,
        answers={200: schemas.RegistrationList},
    ),
    Route(
        "GET",
        f"{_APP}/registrations/{{id}}",
        get_registration,
        source=f"{_PAGE}#registrations",
        summary="Show a registration",
        answers={200: schemas.Registration},
    ),
    Route(
        "PATCH",
        f"{_APP}/registrations/{{id}}",
        change_registration,
        source=f"{_PAGE}#registrations",
        summary="Change a registration",
        body=schemas.RegistrationChanges,
        answers={200: schemas.Registration},
    ),
    Route(
        "DELETE",
        f"{_APP}/registrations/{{id}}",
        delete_registration,
        source=f"{_PAGE}#registrations",
        summary="Forget a registration",
        answers={204: None},
    ),
    Route(
        "GET",
        f"{_APP}/registrations/{{id}}/tags",
        list_tags,
        source=f"{_PAGE}#tags",
        summary="List a registration's tags",
        answers={200: schemas.TagList},
    ),
    Route(
        "PUT",
        f"{_APP}/registrations/{{id}}/tags/{{tag}}",
        put_tag,
        source=f"{_PAGE}#tags",
        summary="Subscribe a registration to a tag",
        answers={204: None},
    ),
    Route(
        "DELETE",
        f"{_APP}/registrations/{{id}}/tags/{{tag}}",
        delete_tag,
        source=f"{_PAGE}#tags",
        summary="End a subscription",
        answers={204: None},
    ),
    Route(
        "POST",
        f"{_APP}/sessions",
        create_session,
        source=f"{_PAGE}#sessions",
        summary="Sign a user in",
        body=schemas.SessionBody,
        answers={201: schemas.MintedSession},
    ),
    Route(
        "POST",
        f"{_APP}/notifications",
        create_notification,
        source=f"{_PAGE}#notifications",
        summary="Send a notification",
        body=schemas.NotificationBody,
        answers={202: schemas.Notification},
    ),
    Route(
        "GET",
        f"{_APP}/notifications",
        list_notifications,
        source=f"{_PAGE}#notifications",
        summary="List notifications, newest first",
        query=schemas.PageQuery,
        answers={200: schemas.NotificationList},
    ),
    Route(
        "GET",
        f"{_APP}/notifications/{{id}}",
        get_notification,
        source=f"{_PAGE}#notifications",
        summary="Show a notification and its counters",
        answers={200: schemas.NotificationReport},
    ),
    Route(
        "GET",
        f"{_APP}/notifications/{{id}}/deliveries",
        list_deliveries,
        source=f"{_PAGE}#deliveries",
        summary="List what became of it, target by target",
        query=schemas.PageQuery,
        answers={200: schemas.DeliveryList},
    ),
    Route(
        "GET",
        _OPENAPI,
        get_openapi,
        source=f"{_PAGE}#openapi",
        summary="Describe this API",
    ),
)


@lru_cache(maxsize=16)
def _document(server_url: str) -> openapi.Document:
    return openapi.document(
        ROUTES,
        title="Heliograph",
        server_url=server_url,
        problem=schemas.ProblemDocument,
        problem_type=errors.MEDIA_TYPE,
        open_paths=frozenset({_OPENAPI}),
    )

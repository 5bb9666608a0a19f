"""Navixy's operations: bind a push token to a session, and delete it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heliograph.dialects.navixy import auth, mapping, schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import json_response
from heliograph.web.schemas import check

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

RESOURCE = "/user/session/push_token"
VERSIONS = ("", "/v2")
"""Where the API stands: clients' base addresses end with either."""

_METHODS = ("POST", "GET")
_ENDS = ("", "/")


async def bind(request: Request, core: Core) -> Response:
    """Bind a push token to the caller's session, in place of the one before."""
    parameters = await parameters_of(request)
    principal, application = await auth.caller_of(parameters, request, core)
    body = check(parameters, schemas.PushToken)
    draft = mapping.to_draft(body, principal, now=core.clock.now())
    await core.registrations.register(principal, application, draft)
    return json_response(schemas.Done().model_dump())


async def delete(request: Request, core: Core) -> Response:
    """Forget the push token that is bound to the caller's session."""
    parameters = await parameters_of(request)
    principal, application = await auth.caller_of(parameters, request, core)
    slot, owner = mapping.to_slot(principal), mapping.to_owner(principal)
    gone = await core.registrations.unregister(principal, application, slot, owner)
    mapping.require_bound(gone, principal)
    return json_response(schemas.Done().model_dump())


async def parameters_of(request: Request) -> dict[str, Any]:
    """Read a call's parameters: the body's beat the query's, and a GET has no body.

    Raises InvalidRequest, PayloadTooLarge, UnsupportedMediaType.
    """
    parameters = mapping.from_query(request.scope["query_string"])
    if request.method == "GET":
        return parameters
    body = await request.body()
    return parameters | mapping.from_body(body, request.headers.get("content-type", ""))


def _routes() -> tuple[Route, ...]:
    """List both operations by every method and address."""
    operations = (
        ("bind", bind, "Bind a push token to a session", schemas.PushToken),
        ("delete", delete, "Delete the push token of a session", None),
    )
    return tuple(
        Route(
            method,
            f"{version}{RESOURCE}/{action}{end}",
            handler,
            source=f"docs/dialects/navixy.md#{action}",
            summary=summary,
            body=body if method == "POST" else None,
            query=body if method == "GET" else None,
            answers={200: schemas.Done},
        )
        for action, handler, summary, body in operations
        for version in VERSIONS
        for method in _METHODS
        for end in _ENDS
    )


ROUTES = _routes()

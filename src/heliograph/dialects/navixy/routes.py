"""Navixy's operations: signing in and out, API keys, and the push token of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from heliograph.dialects.navixy import auth, mapping, schemas
from heliograph.web.dialect import Handler, Route
from heliograph.web.responses import schema_response
from heliograph.web.schemas import Schema, check

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

VERSIONS = ("", "/v2")
"""Where the API stands: clients' base addresses end with either."""

_METHODS = ("POST", "GET")
_ENDS = ("", "/")
_NEVER_CACHED = {"cache-control": "no-store"}
"""For answers with a hash in them."""


async def sign_in(request: Request, core: Core) -> Response:
    """Sign a user in by login and password; answers the hash of a new session."""
    body = check(await parameters_of(request), schemas.SignIn)
    application = await request.door.bound_application(core)
    _, token = await core.logins.sign_in(
        application, auth.FORM, body.login, body.password, address=request.client_address
    )
    return schema_response(schemas.SignedIn(hash=token), headers=_NEVER_CACHED)


async def sign_out(request: Request, core: Core) -> Response:
    """End the caller's session, and forget what is bound to it."""
    parameters = await parameters_of(request)
    await auth.user_of(parameters, request, core)
    await core.identity.end_session(auth.hash_of(parameters, request), auth.FORM)
    return schema_response(schemas.Done())


async def get_info(request: Request, core: Core) -> Response:
    """Say who calls."""
    parameters = await parameters_of(request)
    principal, application = await auth.caller_of(parameters, request, core)
    session = principal.session
    login = await core.logins.of_user(application, auth.FORM, session.user_id)
    number = await core.aliases.ensure(
        mapping.NUMBER, session.account_id, session.user_id, mapping.number_maker(session.user_id)
    )
    return schema_response(mapping.from_user(int(number), session, login))


async def renew(request: Request, core: Core) -> Response:
    """Let the caller's session begin its life anew."""
    parameters = await parameters_of(request)
    principal, _ = await auth.user_of(parameters, request, core)
    await core.sessions.renew(principal, auth.hash_of(parameters, request))
    return schema_response(schemas.Done())


async def create_delivery_session(request: Request, core: Core) -> Response:
    """Make the caller's session for guests, in place of the one before."""
    parameters = await parameters_of(request)
    principal, application = await auth.caller_of(parameters, request, core)
    made = await core.sessions.create_guest(principal, application)
    return schema_response(mapping.from_guest(made, principal), headers=_NEVER_CACHED)


async def read_delivery_session(request: Request, core: Core) -> Response:
    """Show the caller's session for guests."""
    parameters = await parameters_of(request)
    principal, _ = await auth.caller_of(parameters, request, core)
    found = await core.sessions.guest_of(principal)
    return schema_response(mapping.from_guest(found, principal), headers=_NEVER_CACHED)


async def create_key(request: Request, core: Core) -> Response:
    """Make an API key of the caller's."""
    parameters = await parameters_of(request)
    principal, application = await auth.user_of(parameters, request, core)
    body = check(parameters, schemas.NewKey)
    made = await core.sessions.create_key(principal, application, body.title)
    is_iso = mapping.wants_iso(parameters, request.headers)
    return schema_response(mapping.from_key(made, is_iso=is_iso), headers=_NEVER_CACHED)


async def list_keys(request: Request, core: Core) -> Response:
    """List the caller's API keys."""
    parameters = await parameters_of(request)
    principal, _ = await auth.user_of(parameters, request, core)
    found = await core.sessions.keys_of(principal)
    is_iso = mapping.wants_iso(parameters, request.headers)
    return schema_response(mapping.from_keys(found, is_iso=is_iso), headers=_NEVER_CACHED)


async def delete_key(request: Request, core: Core) -> Response:
    """End an API key of the caller's, and forget what is bound to it."""
    parameters = await parameters_of(request)
    principal, _ = await auth.user_of(parameters, request, core)
    body = check(parameters, schemas.KnownKey)
    await core.sessions.end_key(principal, body.key)
    return schema_response(schemas.Done())


async def bind(request: Request, core: Core) -> Response:
    """Bind a push token to the caller's session, in place of the one before."""
    parameters = await parameters_of(request)
    principal, application = await auth.caller_of(parameters, request, core)
    parameters, partner = mapping.with_known_application(parameters, application)
    body = check(parameters, schemas.PushToken)
    draft = mapping.to_draft(body, partner, principal, now=core.clock.now())
    await core.registrations.register(principal, application, draft)
    return schema_response(schemas.Done())


async def delete(request: Request, core: Core) -> Response:
    """Forget the push token that is bound to the caller's session."""
    parameters = await parameters_of(request)
    principal, application = await auth.caller_of(parameters, request, core)
    slot, owner = mapping.to_slot(principal), mapping.to_owner(principal)
    gone = await core.registrations.unregister(principal, application, slot, owner)
    mapping.require_bound(gone, principal)
    return schema_response(schemas.Done())


async def parameters_of(request: Request) -> dict[str, Any]:
    """Read a call's parameters: the body's beat the query's, and a GET has no body.

    Raises InvalidRequest, PayloadTooLarge, UnsupportedMediaType.
    """
    parameters = mapping.from_query(request.scope["query_string"])
    if request.method == "GET":
        return parameters
    body = await request.body()
    return parameters | mapping.from_body(body, request.headers.get("content-type", ""))


class _Operation(NamedTuple):
    resource: str
    action: str
    handler: Handler
    anchor: str
    summary: str
    body: type[Schema] | None = None
    answer: type[Schema] = schemas.Done


_TOKEN, _SESSION = "/user/session/push_token", "/user/session"
_GUEST, _KEY = "/user/session/delivery", "/api/key"

_OPERATIONS = (
    _Operation("/user", "auth", sign_in, "sign-in", "Sign in", schemas.SignIn, schemas.SignedIn),
    _Operation("/user", "logout", sign_out, "sign-out", "Sign out"),
    _Operation(
        "/user", "get_info", get_info, "user-info", "Show the user", answer=schemas.UserAnswer
    ),
    _Operation(_SESSION, "renew", renew, "renew", "Renew a session"),
    _Operation(
        _GUEST,
        "create",
        create_delivery_session,
        "delivery-sessions",
        "Make the session for guests",
        answer=schemas.GuestAnswer,
    ),
    _Operation(
        _GUEST,
        "read",
        read_delivery_session,
        "delivery-sessions",
        "Show the session for guests",
        answer=schemas.GuestAnswer,
    ),
    _Operation(
        _KEY, "create", create_key, "api-keys", "Make an API key", schemas.NewKey, schemas.KeyAnswer
    ),
    _Operation(_KEY, "list", list_keys, "api-keys", "List API keys", answer=schemas.KeyList),
    _Operation(_KEY, "delete", delete_key, "api-keys", "Delete an API key", schemas.KnownKey),
    _Operation(_TOKEN, "bind", bind, "bind", "Bind a push token", schemas.PushToken),
    _Operation(_TOKEN, "delete", delete, "delete", "Delete the push token of a session"),
)

RESOURCES = tuple(dict.fromkeys(operation.resource for operation in _OPERATIONS))


def _routes() -> tuple[Route, ...]:
    """List every operation by every method and address."""
    return tuple(
        Route(
            method,
            f"{version}{operation.resource}/{operation.action}{end}",
            operation.handler,
            source=f"docs/dialects/navixy.md#{operation.anchor}",
            summary=operation.summary,
            body=operation.body if method == "POST" else None,
            query=operation.body if method == "GET" else None,
            answers={200: operation.answer},
        )
        for operation in _OPERATIONS
        for version in VERSIONS
        for method in _METHODS
        for end in _ENDS
    )


ROUTES = _routes()

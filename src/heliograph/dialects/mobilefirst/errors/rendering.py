"""How both endpoints tell their clients what went wrong."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, assert_never
from urllib.parse import quote

from heliograph.core.errors import (
    Conflict,
    CoreError,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Problem,
    ProblemKind,
    RateLimited,
    Suspended,
)
from heliograph.dialects.mobilefirst.auth.callers import has_bearer
from heliograph.dialects.mobilefirst.errors import table
from heliograph.dialects.mobilefirst.errors.messages import language_of, message_of
from heliograph.web.dialect import Reply, reply_for
from heliograph.web.errors import (
    EndpointNotFound,
    MethodNotAllowed,
    NotAcceptable,
    UnsupportedMediaType,
    WebError,
)
from heliograph.web.responses import json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

_TOKEN_PATH = ["api", "az"]
"""Segments of the token endpoint's paths, behind the runtime's name."""

_QUERY_REPLIES = {
    "offset": table.BAD_OFFSET,
    "size": table.BAD_SIZE,
    "position": table.BAD_QUERY,
    "filter": table.BAD_QUERY,
    "expand": table.BAD_QUERY,
    "expend": table.BAD_QUERY,
    "action": table.BAD_QUERY,
    "subscriptionCount": table.BAD_QUERY,
}
"""Query parameters that no body has."""

_KEY = frozenset({"deviceId", "tagName", "webhookName"})
"""What names a subscription or a webhook that is deleted, and elsewhere is in a body."""

_KINDS = {
    "registration": "device",
    "member": "device",
    "notification": "message",
    "delivery": "message",
}
"""What a caller of these operations knows the core's things as."""

_HEADER_SAFE = " !#$%&'()*+,-./:;<=>?@[]^_`{|}~"
"""What a scope may hold within quotes. Source: RFC 6749 section 3.3."""


def render_error(error: CoreError | WebError, request: Request, core: Core) -> Response:
    """Answer one error in the format of the endpoint that was asked."""
    del core
    response = (
        _token_error(error) if _is_at_token_endpoint(request) else _push_error(error, request)
    )
    if isinstance(error, RateLimited):
        response.headers["Retry-After"] = str(math.ceil(error.retry_after.total_seconds()))
    return response


def _push_error(error: CoreError | WebError, request: Request) -> Response:
    reply = _reply_to(error, request)
    language = language_of(request.headers.getlist("accept-language"))
    body = {
        "message": message_of(reply.code, _facts_of(error, request), language=language),
        "code": reply.code,
        "docUrl": f"{request.door.public_url}/docs/dialects/mobilefirst.md#errors",
    }
    response = json_response(body, reply.status)
    match error:
        case NotAuthenticated() if has_bearer(request):
            response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        case NotAuthenticated():
            response.headers["WWW-Authenticate"] = "Bearer"
        case Suspended():
            # No wider scope would help.
            pass
        case NotPermitted(action=needed):
            scope = quote(needed, safe=_HEADER_SAFE)
            challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
            response.headers["WWW-Authenticate"] = challenge
    return response


def _reply_to(error: CoreError | WebError, request: Request) -> Reply:
    """Find the row, and within it what the vendor tells apart."""
    reply = reply_for(table.TABLE, error)
    match error:
        case NotFound(kind="subscription"):
            return table.NO_SUBSCRIPTION
        case NotFound(kind="settings"):
            return table.NOT_CONFIGURED
        case NotFound(kind="devices"):
            return table.NO_DEVICES
        case Conflict(kind="subscription"):
            return table.SUBSCRIPTION_EXISTS
        case InvalidRequest(problems=problems) if reply is table.TABLE[InvalidRequest]:
            return _reply_to_problems(problems, request)
        case _:
            return reply


def _reply_to_problems(problems: Sequence[Problem], request: Request) -> Reply:
    """Pick the code of the first problem; the message names them all."""
    first = problems[0]
    name = str(first.path[0]) if first.path else ""
    if first.kind is ProblemKind.NOT_JSON:
        return table.NOT_JSON
    if not name:
        return table.WRONG_SHAPE
    if name in _QUERY_REPLIES:
        return _QUERY_REPLIES[name]
    # Unknown properties of bodies are ignored, so that an unknown field is a parameter;
    # and a DELETE has no body, so that these two are parameters there.
    if first.kind is ProblemKind.UNKNOWN_FIELD:
        return table.BAD_QUERY
    if request.method == "DELETE" and name in _KEY:
        is_missing = first.kind is ProblemKind.MISSING
        return table.MISSING_QUERY if is_missing else table.BAD_QUERY
    return table.TABLE[InvalidRequest]


def _facts_of(error: CoreError | WebError, request: Request) -> dict[str, str]:
    match error:
        case InvalidRequest(problems=problems):
            return {"problems": _spelled(problems)}
        case NotFound(kind=kind, id=name) | Conflict(kind=kind, id=name):
            # Where the path has a subscription's id, the core names but its parts.
            known_as = request.path_params.get(f"{kind}_id", name)
            return {"kind": _KINDS.get(kind, kind), "id": known_as}
        case NotPermitted() | EndpointNotFound() | MethodNotAllowed():
            return _facts_of_route(error)
        case NotAcceptable() | UnsupportedMediaType():
            return {"media_type": _media_type_of(error, request)}
        case _:
            return {}


def _facts_of_route(error: NotPermitted | EndpointNotFound | MethodNotAllowed) -> dict[str, str]:
    match error:
        case NotPermitted(action=needed):
            return {"needed": needed}
        case EndpointNotFound(path=path):
            return {"path": path}
        case MethodNotAllowed(allowed=allowed):
            return {"allowed": ", ".join(allowed)}
        case _:
            assert_never(error)


def _media_type_of(error: NotAcceptable | UnsupportedMediaType, request: Request) -> str:
    """Say what a route answers or reads; two have to do with a file."""
    name = request.route.path.strip("/").rpartition("/")[2] if request.route else ""
    if isinstance(error, NotAcceptable):
        return "application/octet-stream" if name == "apnsCert" else "application/json"
    return "multipart/form-data" if name == "apnsConf" else "application/json"


def _spelled(problems: Sequence[Problem]) -> str:
    return "; ".join(
        f"{problem.field} must be {problem.expected}" if problem.path else problem.expected
        for problem in problems
    )


def _token_error(error: CoreError | WebError) -> Response:
    """Answer as RFC 6749 section 5.2 has it; no cache may keep what is said of credentials."""
    reply = reply_for(table.TOKEN_TABLE, error)
    body = {"error": reply.code}
    match error:
        case InvalidRequest(problems=problems):
            if _is_other_grant(problems):
                reply = table.UNSUPPORTED_GRANT
            body = {"error": reply.code, "error_description": _spelled(problems)}
        case NotPermitted(action=beyond):
            body["error_description"] = f"beyond the client's allowed scope: {beyond}"
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = 'Basic realm="api/az"'
    return json_response(body, reply.status, headers)


def _is_other_grant(problems: Sequence[Problem]) -> bool:
    return any(
        problem.path == ("grant_type",) and problem.kind is ProblemKind.NOT_ALLOWED
        for problem in problems
    )


def _is_at_token_endpoint(request: Request) -> bool:
    """Say whose format a request is to be answered in: both live behind one door."""
    path: str = request.scope["path"].removeprefix(request.door.prefix)
    return path.split("/")[2:4] == _TOKEN_PATH

"""Layer's error table, and how Layer tells its clients what went wrong.

Source: docs/dialects/layer.md, "Errors".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from heliograph.core.errors import (
    Conflict,
    CoreError,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    PayloadTooLarge,
    Problem,
    ProblemKind,
    RateLimited,
    Unavailable,
)
from heliograph.web.dialect import ErrorTable, Reply, reply_for
from heliograph.web.errors import (
    EndpointNotFound,
    InternalFailure,
    MethodNotAllowed,
    NotAcceptable,
    RequestTimeout,
    UnsupportedMediaType,
    WebError,
)
from heliograph.web.responses import json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

TABLE: ErrorTable = {
    InvalidRequest: Reply(400, "invalid_request", 10),
    NotAuthenticated: Reply(401, "authentication_required", 4),
    NotPermitted: Reply(403, "access_denied", 101),
    NotFound: Reply(404, "not_found", 102),
    Conflict: Reply(409, "conflict", 108),
    RateLimited: Reply(429, "rate_limit_exceeded", 7),
    Unavailable: Reply(503, "service_unavailable", 1),
    EndpointNotFound: Reply(404, "invalid_endpoint", 106),
    MethodNotAllowed: Reply(405, "method_not_allowed", 109),
    NotAcceptable: Reply(406, "invalid_header", 107),
    # Layer knows no 415: a wrong Content-Type is a wrong header like any other.
    UnsupportedMediaType: Reply(406, "invalid_header", 107),
    RequestTimeout: Reply(408, "request_timeout", 8),
    InternalFailure: Reply(500, "internal_server_error", 100),
}
"""Layer's own rows. It has none for too large a body: that is a structure it can't take."""

MESSAGES: Mapping[type[CoreError | WebError], str] = {
    InvalidRequest: "The request body must be a JSON object.",
    PayloadTooLarge: "The request body must be at most {error.limit_bytes} bytes.",
    NotAuthenticated: "A valid session is required; sign in again with the nonce.",
    NotPermitted: "The signed-in user may not do this.",
    NotFound: "The {error.kind} could not be found.",
    Conflict: "The {error.kind} contradicts what is there already.",
    RateLimited: "Too many requests; slow down.",
    Unavailable: "The {error.component} does not answer; nothing was changed, so try again.",
    EndpointNotFound: "The endpoint '{request.method} {error.path}' does not exist.",
    MethodNotAllowed: "The method {request.method} is not allowed here, only {error}.",
    NotAcceptable: (
        "Invalid {error.header} header; must be of form application/vnd.layer+json; version=x.y"
    ),
    UnsupportedMediaType: "Invalid {error.header} header; must be application/json",
    RequestTimeout: "The request body did not arrive in time.",
    InternalFailure: "The operation failed through no fault of yours.",
}
"""What people read; programs read the id and the code."""

MISSING_PROPERTY = Reply(422, "missing_property", 104)
INVALID_PROPERTY = Reply(422, "invalid_property", 105)


def render_error(error: CoreError | WebError, request: Request, core: Core) -> Response:
    """Answer one error in Layer's form; of a body's problems, the one that comes first."""
    problem = _first_problem(error)
    if problem is not None:
        reply = MISSING_PROPERTY if problem.kind is ProblemKind.MISSING else INVALID_PROPERTY
        message = f"The property '{problem.field}' must be {problem.expected}."
        return _rendered(reply, message, {"property": problem.field}, request)
    reply, message = reply_for(TABLE, error), _message_of(error, request)
    response = _rendered(reply, message, _data_of(error, core), request)
    if isinstance(error, RateLimited):
        wait_s = math.ceil(error.retry_after.total_seconds())
        response.headers["Retry-After"] = str(wait_s)
    return response


def _first_problem(error: CoreError | WebError) -> Problem | None:
    """Pick the property to complain about: missing ones first, then in the schema's order.

    None where no single property is to blame, such as for a body that is no object.
    """
    problems = error.problems if isinstance(error, InvalidRequest) else ()
    named = [problem for problem in problems if problem.path]
    missing = [problem for problem in named if problem.kind is ProblemKind.MISSING]
    return next(iter(missing or named), None)


def _message_of(error: CoreError | WebError, request: Request) -> str:
    sentence = next(MESSAGES[kind] for kind in type(error).__mro__ if kind in MESSAGES)
    return sentence.format(error=error, request=request)


def _data_of(error: CoreError | WebError, core: Core) -> Mapping[str, str] | None:
    match error:
        case NotAuthenticated():
            # With a nonce at hand an SDK signs in again and repeats the request;
            # without one it gives the request up.
            return {"nonce": core.nonces.new()}
        case NotAcceptable(header=header) | UnsupportedMediaType(header=header):
            return {"header": header}
        case _:
            return None


def _rendered(
    reply: Reply, message: str, data: Mapping[str, str] | None, request: Request
) -> Response:
    body = {
        "id": reply.code,
        "code": reply.number,
        "message": message,
        "url": f"{request.door.public_url}/docs/dialects/layer.md#errors",
    }
    return json_response(body if data is None else {**body, "data": data}, reply.status)

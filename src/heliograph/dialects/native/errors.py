"""Errors of the native API: RFC 9457 problem documents.

Source: docs/dialects/native.md, "Errors".
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

from heliograph.core.errors import (
    Conflict,
    CoreError,
    InvalidRequest,
    KeyReused,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    PayloadTooLarge,
    RateLimited,
    Unavailable,
    WrongState,
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
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

MEDIA_TYPE = "application/problem+json"

TABLE: ErrorTable = MappingProxyType(
    {
        InvalidRequest: Reply(400, "invalid_request"),
        PayloadTooLarge: Reply(413, "payload_too_large"),
        NotAuthenticated: Reply(401, "not_authenticated"),
        NotPermitted: Reply(403, "not_permitted"),
        NotFound: Reply(404, "not_found"),
        Conflict: Reply(409, "conflict"),
        WrongState: Reply(409, "wrong_state"),
        KeyReused: Reply(409, "idempotency_key_reused"),
        RateLimited: Reply(429, "rate_limited"),
        Unavailable: Reply(503, "unavailable"),
        EndpointNotFound: Reply(404, "no_such_endpoint"),
        MethodNotAllowed: Reply(405, "method_not_allowed"),
        NotAcceptable: Reply(406, "not_acceptable"),
        UnsupportedMediaType: Reply(415, "unsupported_media_type"),
        RequestTimeout: Reply(408, "request_timeout"),
        InternalFailure: Reply(500, "internal_failure"),
    }
)

TITLES = {
    "invalid_request": "The request can't be understood as it is.",
    "payload_too_large": "The body is too large.",
    "not_authenticated": "A valid API key or session token is needed.",
    "not_permitted": "The caller lacks the right to do this.",
    "not_found": "There is no such thing.",
    "conflict": "The request contradicts what is there.",
    "wrong_state": "What is there is in a state that allows this no more, or not yet.",
    "idempotency_key_reused": "The idempotency key stands for another request.",
    "rate_limited": "Too many requests.",
    "unavailable": "A part of the server does not answer; trying again is safe.",
    "no_such_endpoint": "There is no such endpoint.",
    "method_not_allowed": "The endpoint has other methods.",
    "not_acceptable": "Answers are JSON, which the Accept header rules out.",
    "unsupported_media_type": "Bodies are JSON, which the Content-Type denies.",
    "request_timeout": "The body did not arrive in time.",
    "internal_failure": "Something broke on the server.",
}

_UNAVAILABLE_RETRY_S = 2


def render_error(error: CoreError | WebError, request: Request, core: Core) -> Response:
    """Render any error as a problem document."""
    del request, core
    reply = reply_for(TABLE, error)
    document: dict[str, object] = {
        "type": f"urn:heliograph:problem:{reply.code}",
        "title": TITLES[reply.code],
        "status": reply.status,
        "code": reply.code,
    }
    detail = _detail_of(error)
    if detail is not None:
        document["detail"] = detail
    if isinstance(error, InvalidRequest):
        document["problems"] = [
            {"path": problem.field, "kind": problem.kind, "expected": problem.expected}
            for problem in error.problems
        ]
    return json_response(document, reply.status, _headers_of(error), MEDIA_TYPE)


def _detail_of(error: CoreError | WebError) -> str | None:
    match error:
        case PayloadTooLarge():
            return f"The limit is {error.limit_bytes} bytes."
        case InvalidRequest():
            return "; ".join(
                f"{problem.field or 'the request'} must be {problem.expected}"
                for problem in error.problems
            )
        case NotPermitted():
            return f"Missing: {error.action}."
        case NotFound() | Conflict():
            state = f" is {error.state}" if isinstance(error, WrongState) else ""
            return f"{error.kind}: {error.id}{state}"
        case MethodNotAllowed():
            return f"Allowed: {', '.join(error.allowed)}."
        case _:
            return None


def _headers_of(error: CoreError | WebError) -> dict[str, str]:
    match error:
        case NotAuthenticated():
            return {"www-authenticate": "Bearer"}
        case RateLimited():
            return {"retry-after": str(max(1, math.ceil(error.retry_after.total_seconds())))}
        case Unavailable():
            return {"retry-after": str(_UNAVAILABLE_RETRY_S)}
        case _:
            return {}

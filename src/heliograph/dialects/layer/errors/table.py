"""The error table, and the sentences that people read.

Source: docs/dialects/layer.md, "Errors".
"""

from __future__ import annotations

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
    Suspended,
    Unavailable,
    WrongState,
)
from heliograph.web.dialect import ErrorTable, Reply
from heliograph.web.errors import (
    EndpointNotFound,
    InternalFailure,
    MethodNotAllowed,
    NotAcceptable,
    RequestTimeout,
    UnsupportedMediaType,
    WebError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE: ErrorTable = {
    InvalidRequest: Reply(400, "invalid_request", 10),
    NotAuthenticated: Reply(401, "authentication_required", 4),
    NotPermitted: Reply(403, "access_denied", 101),
    Suspended: Reply(403, "user_suspended", 6),
    NotFound: Reply(404, "not_found", 102),
    Conflict: Reply(409, "conflict", 108),
    WrongState: Reply(422, "invalid_operation", 9),
    KeyReused: Reply(409, "id_in_use", 111),
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
    InvalidRequest: "The request body must be {error.problems[0].expected}.",
    PayloadTooLarge: "The request body must be at most {error.limit_bytes} bytes.",
    NotAuthenticated: "A valid session is required; sign in again with the nonce.",
    NotPermitted: "The signed-in user, or the key, lacks the right to do this: {error.action}.",
    Suspended: "The {error.kind} is suspended: nobody may sign in.",
    NotFound: "The {error.kind} could not be found.",
    Conflict: "The {error.kind} contradicts what is there already.",
    WrongState: "The {error.kind} is {error.state}: that is no longer, or not yet, possible.",
    KeyReused: "The id in If-None-Match stands for another request already.",
    RateLimited: "Too many requests; slow down.",
    Unavailable: "The {error.component} does not answer; nothing was changed, so try again.",
    EndpointNotFound: "The endpoint '{request.method} {error.path}' does not exist.",
    MethodNotAllowed: "The method {request.method} is not allowed here, only {error}.",
    NotAcceptable: (
        "Invalid {error.header} header; must be of form application/vnd.layer+json; version=x.y"
    ),
    UnsupportedMediaType: "Invalid {error.header} header; must be {error.wanted}",
    RequestTimeout: "The request body did not arrive in time.",
    InternalFailure: "The operation failed through no fault of yours.",
}
"""What people read; programs read the id and the code."""

MISSING_PROPERTY = Reply(422, "missing_property", 104)
INVALID_PROPERTY = Reply(422, "invalid_property", 105)
INVALID_OPERATION = TABLE[WrongState]
INVALID_APP_ID = Reply(403, "invalid_app_id", 2)
INVALID_REQUEST_ID = Reply(400, "invalid_request_id", 3)
APP_SUSPENDED = Reply(403, "app_suspended", 5)

FINER: Mapping[Reply, str] = {
    MISSING_PROPERTY: "A required property is absent; data.property names it.",
    INVALID_PROPERTY: "A property has a value that it can't have; data.property names it.",
    INVALID_APP_ID: "There is no application with this app_id.",
    INVALID_REQUEST_ID: "The header If-None-Match must be a UUID.",
    APP_SUSPENDED: "The application is suspended: nobody may sign in.",
}
"""Rows within a row: what Layer tells apart and the core does not."""

"""Twilio's error table, and what people read of each error.

Source: docs/dialects/twilio.md, "Errors".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.errors import (
    Conflict,
    CoreError,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    RateLimited,
    Unavailable,
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
    InvalidRequest: Reply(400, "20001", 20001),
    NotAuthenticated: Reply(401, "20003", 20003),
    NotPermitted: Reply(403, "20003", 20003),
    NotFound: Reply(404, "20404", 20404),
    # The vendor lists neither 406, 409 nor 415 for any of its calls.
    Conflict: Reply(400, "20001", 20001),
    NotAcceptable: Reply(400, "20001", 20001),
    UnsupportedMediaType: Reply(400, "20001", 20001),
    # Nor 408; but that one its SDKs are said to try again, and here they may.
    RequestTimeout: Reply(408, "20001", 20001),
    RateLimited: Reply(429, "20429", 20429),
    Unavailable: Reply(503, "20503", 20503),
    EndpointNotFound: Reply(404, "20404", 20404),
    MethodNotAllowed: Reply(405, "20004", 20004),
    InternalFailure: Reply(500, "20500", 20500),
}
"""Too large a body has no row of its own: it is a bad request like any other."""

MESSAGES: Mapping[type[CoreError | WebError], str] = {
    NotAuthenticated: "A valid user name and password are required.",
    NotPermitted: "These credentials lack the right to do this: {error.action}.",
    NotFound: "There is no such {noun}.",
    Conflict: "The {noun} contradicts what is there already.",
    NotAcceptable: "The {error.header} header asks for an answer that is not given here.",
    UnsupportedMediaType: "The {error.header} header must be application/json.",
    RequestTimeout: "The request body did not arrive in time.",
    RateLimited: "Too many requests; slow down.",
    Unavailable: "The {error.component} does not answer; nothing was changed, so try again.",
    EndpointNotFound: "There is no such endpoint.",
    MethodNotAllowed: "The method is not allowed here, only {error}.",
    InternalFailure: "The operation failed through no fault of yours.",
}
"""What people read; programs read the status and the context."""

NOUNS = {
    "application": "App",
    "member": "device registration",
    "notification": "push notification",
    "user": "User",
}
"""What the vendor calls our things, where its word is another."""

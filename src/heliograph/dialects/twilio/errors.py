"""Twilio's error table, and how Twilio tells its clients what went wrong.

Source: docs/dialects/twilio.md, "Errors".
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Any

from heliograph.core.errors import (
    Conflict,
    CoreError,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Problem,
    RateLimited,
    Unavailable,
)
from heliograph.dialects.twilio import mapping
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

MAX_ERRORS = 100
"""Problems that one answer names: a bad body of megabytes must not be answered with more."""

_NOUNS = {"member": "device registration"}
"""What the vendor calls our things, where its word is another."""

_INFO_URL = "https://www.twilio.com/docs/api/errors/{}"
_REALM = 'Basic realm="Twilio API"'
_UNAVAILABLE_RETRY_S = 2


def render_error(error: CoreError | WebError, request: Request, core: Core) -> Response:
    """Answer one error in Twilio's form, with an entry for each problem of a body or query."""
    del request, core
    reply = reply_for(TABLE, error)
    if isinstance(error, InvalidRequest):
        entries = [_entry_of(problem, reply) for problem in islice(error.problems, MAX_ERRORS)]
    else:
        entries = [_entry(reply, _message_of(error), None)]
    body = {**_classic_body(error, reply), "errors": entries}
    return json_response(body, reply.status, _headers_of(error))


def _entry_of(problem: Problem, reply: Reply) -> dict[str, Any]:
    context = mapping.to_context(problem.path)
    message = f"{context or 'The request body'} must be {problem.expected}."
    return _entry(reply, message, context)


def _entry(reply: Reply, message: str, context: str | None) -> dict[str, Any]:
    info_url = _INFO_URL.format(reply.code)
    return {"code": reply.number, "message": message, "infoUrl": info_url, "context": context}


def _message_of(error: CoreError | WebError) -> str:
    sentence = next(MESSAGES[kind] for kind in type(error).__mro__ if kind in MESSAGES)
    kind = getattr(error, "kind", "")
    return sentence.format(error=error, noun=_NOUNS.get(kind, kind))


def _classic_body(error: CoreError | WebError, reply: Reply) -> dict[str, Any]:
    """Add what callers of the vendor's classic API read, where its gateway would answer."""
    if not isinstance(error, NotAuthenticated | NotPermitted):
        return {}
    return {
        "code": reply.number,
        "message": _message_of(error),
        "more_info": _INFO_URL.format(reply.code),
        "status": reply.status,
    }


def _headers_of(error: CoreError | WebError) -> dict[str, str]:
    match error:
        case NotAuthenticated():
            return {"www-authenticate": _REALM}
        case RateLimited(retry_after=wait):
            return {"retry-after": str(max(1, math.ceil(wait.total_seconds())))}
        case Unavailable():
            return {"retry-after": str(_UNAVAILABLE_RETRY_S)}
        case _:
            return {}

"""How Twilio tells its clients what went wrong.

Source: docs/dialects/twilio.md, "Errors".
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Any

from heliograph.core.errors import (
    CoreError,
    InvalidRequest,
    NotAuthenticated,
    NotPermitted,
    Problem,
    RateLimited,
    Unavailable,
)
from heliograph.dialects.twilio.errors.table import MESSAGES, NOUNS, TABLE
from heliograph.dialects.twilio.mapping.contexts import to_context
from heliograph.web.dialect import Reply, reply_for
from heliograph.web.responses import json_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.errors import WebError
    from heliograph.web.request import Request

MAX_ERRORS = 100
"""Problems that one answer names: a bad body of megabytes must not be answered with more."""

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
    context = to_context(problem.path)
    message = f"{context or 'The request body'} must be {problem.expected}."
    return _entry(reply, message, context)


def _entry(reply: Reply, message: str, context: str | None) -> dict[str, Any]:
    info_url = _INFO_URL.format(reply.code)
    return {"code": reply.number, "message": message, "infoUrl": info_url, "context": context}


def _message_of(error: CoreError | WebError) -> str:
    sentence = next(MESSAGES[kind] for kind in type(error).__mro__ if kind in MESSAGES)
    kind = getattr(error, "kind", "")
    return sentence.format(error=error, noun=NOUNS.get(kind, kind))


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

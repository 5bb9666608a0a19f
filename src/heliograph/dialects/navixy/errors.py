"""Navixy's error table, and how Navixy tells its clients what went wrong.

Source: docs/dialects/navixy.md, "Errors".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from heliograph.core.errors import (
    Conflict,
    CoreError,
    Counted,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    PayloadTooLarge,
    QuotaReached,
    RateLimited,
    Suspended,
    Unavailable,
    WrongLogin,
)
from heliograph.dialects.navixy.auth import CALLS_OF_USERS
from heliograph.dialects.navixy.auth import PARAMETER as HASH
from heliograph.dialects.navixy.routes import RESOURCES, VERSIONS
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
    from collections.abc import Sequence

    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.core.errors import Problem
    from heliograph.web.request import Request

WRONG_HASH = Reply(400, "Wrong hash", 3)
WRONG_FORMAT = Reply(400, "Wrong request format", 5)
INVALID_PARAMETERS = Reply(400, "Invalid parameters", 7)
WRONG_METHOD = Reply(400, "Wrong method", 112)
TOO_MANY_SESSIONS = Reply(400, "Logins limit exceeded", 104)
TOO_MANY_LOGINS = Reply(400, "Login attempts limit exceeded", 105)
# The application's owner is who this API calls a dealer.
DEALER_BLOCKED = Reply(403, "Access denied", 11)
WRONG_SESSION = Reply(403, "Action is forbidden for received session type", 276)

TABLE: ErrorTable = {
    InvalidRequest: INVALID_PARAMETERS,
    PayloadTooLarge: Reply(412, "Too large request", 9),
    NotAuthenticated: Reply(400, "User or API key not found or session ended", 4),
    WrongLogin: Reply(400, "Wrong login or password", 102),
    NotPermitted: Reply(403, "Operation not permitted", 13),
    Suspended: Reply(403, "User is blocked", 275),
    NotFound: Reply(400, "Not found in database", 201),
    Conflict: INVALID_PARAMETERS,
    QuotaReached: Reply(402, "Over quota", 268),
    RateLimited: Reply(429, "Too many requests (rate limit exceeded)", 15),
    Unavailable: Reply(503, "Database unavailable", 14),
    EndpointNotFound: Reply(400, "Wrong handler", 111),
    # A method is an action's name in this API; it has no word for HTTP's own.
    MethodNotAllowed: WRONG_METHOD,
    NotAcceptable: WRONG_FORMAT,
    UnsupportedMediaType: WRONG_FORMAT,
    # What arrived is the beginning of a request.
    RequestTimeout: WRONG_FORMAT,
    InternalFailure: Reply(500, "Unexpected error", 6),
}


def render_error(error: CoreError | WebError, request: Request, core: Core) -> Response:
    """Answer one error in Navixy's form; the description names every problem."""
    del core
    reply = _reply_of(error, request)
    status = {"code": reply.number, "description": _description_of(error, reply)}
    response = json_response({"success": False, "status": status}, reply.status)
    if isinstance(error, RateLimited):
        wait_s = math.ceil(error.retry_after.total_seconds())
        response.headers["Retry-After"] = str(wait_s)
    return response


def _reply_of(error: CoreError | WebError, request: Request) -> Reply:
    """Find the row, where the table alone does not tell."""
    reply = None
    match error:
        case InvalidRequest(problems=problems) if not isinstance(error, PayloadTooLarge):
            reply = _reply_to(problems)
        case QuotaReached(kind="session"):
            reply = TOO_MANY_SESSIONS
        case RateLimited(counted=Counted.LOGINS):
            reply = TOO_MANY_LOGINS
        case Suspended(kind="application"):
            reply = DEALER_BLOCKED
        case NotPermitted(action=action) if action == CALLS_OF_USERS:
            reply = WRONG_SESSION
        case EndpointNotFound(path=path) if _is_action(path.removeprefix(request.door.prefix)):
            reply = WRONG_METHOD
    return reply or reply_for(TABLE, error)


def _reply_to(problems: Sequence[Problem]) -> Reply:
    if any(problem.path[:1] == (HASH,) for problem in problems):
        return WRONG_HASH
    if all(not problem.path for problem in problems):
        return WRONG_FORMAT
    return INVALID_PARAMETERS


def _is_action(path: str) -> bool:
    """Say whether a path names a resource that is served, and so only its action is wrong."""
    named = path.removesuffix("/")
    resources = [version + resource for version in VERSIONS for resource in RESOURCES]
    return named in resources or named.rpartition("/")[0] in resources


def _description_of(error: CoreError | WebError, reply: Reply) -> str:
    match error:
        case InvalidRequest(problems=problems):
            return f"{reply.code}: {'; '.join(map(_sentence_of, problems))}"
        case UnsupportedMediaType(header=header):
            return f"{reply.code}: {header} must be application/json, or a form's"
        case _:
            return reply.code


def _sentence_of(problem: Problem) -> str:
    # A browser's keys are attributes to the core, and `parameters` here.
    field = problem.field.replace("attributes.", "parameters.", 1)
    return f"{field or 'the body'} must be {problem.expected}"

"""Discord's error table, and the tree in which Discord names what is wrong with a body.

Source: docs/dialects/discord.md, "Errors".
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from heliograph.core.errors import (
    Conflict,
    CoreError,
    Counted,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    PayloadTooLarge,
    Problem,
    ProblemKind,
    RateLimited,
    Suspended,
    Unavailable,
    WrongLogin,
)
from heliograph.dialects.discord.auth import CALLS_OF_BOTS
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
    from heliograph.web.request import Request

_INVALID_FORM = Reply(400, "Invalid Form Body", 50035)

TABLE: ErrorTable = {
    InvalidRequest: _INVALID_FORM,
    PayloadTooLarge: Reply(413, "Request entity too large", 40005),
    WrongLogin: _INVALID_FORM,
    NotAuthenticated: Reply(401, "401: Unauthorized", 0),
    NotPermitted: Reply(403, "Missing Access", 50001),
    Suspended: Reply(403, "This account is disabled", 20013),
    NotFound: Reply(404, "404: Not Found", 0),
    Conflict: Reply(409, "409: Conflict", 0),
    RateLimited: Reply(429, "You are being rate limited."),
    Unavailable: Reply(503, "503: Service Unavailable", 0),
    EndpointNotFound: Reply(404, "404: Not Found", 0),
    MethodNotAllowed: Reply(405, "405: Method Not Allowed", 0),
    NotAcceptable: Reply(406, "406: Not Acceptable", 0),
    # Discord knows no 415: a body of another type is a form it can't read.
    UnsupportedMediaType: _INVALID_FORM,
    RequestTimeout: Reply(408, "408: Request Timeout", 0),
    InternalFailure: Reply(500, "500: Internal Server Error", 0),
}
"""Discord's rows: its message is the code by which we know them, its code the number."""

NOT_JSON = Reply(400, "The request body contains invalid JSON.", 50109)
BOT = Reply(403, "Bots cannot use this endpoint", 20001)
RETIRED_VERSION = Reply(400, "Invalid API version", 50041)

_RETIRED = re.compile(r"/api/v[345](/.*)?", re.DOTALL)
"""Versions that were discontinued, and answer nothing else any more."""

_LEAF_CODES = {
    ProblemKind.MISSING: "BASE_TYPE_REQUIRED",
    ProblemKind.NOT_ALLOWED: "BASE_TYPE_CHOICES",
    ProblemKind.TOO_SHORT: "BASE_TYPE_BAD_LENGTH",
    ProblemKind.TOO_LONG: "BASE_TYPE_BAD_LENGTH",
    ProblemKind.TOO_MANY: "BASE_TYPE_BAD_LENGTH",
    ProblemKind.TOO_SMALL: "NUMBER_TYPE_MIN",
    ProblemKind.TOO_LARGE: "NUMBER_TYPE_MAX",
}
_TYPE_CODES = {
    "a string": "BASE_TYPE_STRING",
    "true or false": "BASE_TYPE_BOOLEAN",
    "an array": "BASE_TYPE_ARRAY",
    "an object": "BASE_TYPE_OBJECT",
}
"""By what a value of the wrong type should have been."""

OTHERWISE = "BASE_TYPE_INVALID"

_LEAVES = "_errors"

WRONG_LOGIN = {"code": "INVALID_LOGIN", "message": "Login or password is invalid."}
WRONG_PASSWORD = {"code": "PASSWORD_DOES_NOT_MATCH", "message": "Password does not match."}


def render_error(error: CoreError | WebError, request: Request, core: Core) -> Response:
    """Answer one error in Discord's form, with every problem of a body in its place."""
    reply = _reply_of(error, request)
    body: dict[str, Any] = {"message": reply.code}
    headers = {}
    if reply.number is not None:
        body["code"] = reply.number
    if reply is _INVALID_FORM:
        body["errors"] = _tree_of(error, request)
    if isinstance(error, RateLimited):
        is_global = error.counted is Counted.REQUESTS
        body |= {"retry_after": error.retry_after.total_seconds(), "global": is_global}
        headers = _headers_of(error, core)
    return json_response(body, reply.status, headers)


def _headers_of(error: RateLimited, core: Core) -> dict[str, str]:
    """Say what was too much, and until when.

    Source: docs/dialects/discord.md, "Rate limits".
    """
    wait_s = error.retry_after.total_seconds()
    headers = {"Retry-After": str(math.ceil(wait_s)), "X-RateLimit-Scope": "user"}
    if error.counted is Counted.REQUESTS:
        headers |= {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}
    if error.limit is not None and error.counted is not None:
        over_s = (core.clock.now() + error.retry_after).timestamp()
        headers |= {
            "X-RateLimit-Limit": str(error.limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": f"{over_s:.3f}",
            "X-RateLimit-Reset-After": f"{wait_s:.3f}",
            "X-RateLimit-Bucket": error.counted.value,
        }
    return headers


def _reply_of(error: CoreError | WebError, request: Request) -> Reply:
    match error:
        case InvalidRequest(problems=problems) if any(
            problem.kind is ProblemKind.NOT_JSON for problem in problems
        ):
            return NOT_JSON
        case NotPermitted(action=action) if action == CALLS_OF_BOTS:
            return BOT
        case Suspended(kind="application"):
            return TABLE[NotPermitted]
        case EndpointNotFound(path=path) if _RETIRED.fullmatch(
            path.removeprefix(request.door.prefix)
        ):
            return RETIRED_VERSION
        case _:
            return reply_for(TABLE, error)


def _tree_of(error: CoreError | WebError, request: Request) -> dict[str, Any]:
    if isinstance(error, WrongLogin):
        # A password is asked for in two places, and each has words of its own.
        if request.method == "PATCH":
            return {"password": {_LEAVES: [WRONG_PASSWORD]}}
        return {field: {_LEAVES: [WRONG_LOGIN]} for field in ("login", "password")}
    if isinstance(error, UnsupportedMediaType):
        message = f"Expected \"{error.header}\" header to be one of {{'application/json'}}."
        return {_LEAVES: [{"code": "CONTENT_TYPE_INVALID", "message": message}]}
    problems = error.problems if isinstance(error, InvalidRequest) else ()
    return _tree(problems)


def _tree(problems: Sequence[Problem]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for problem in problems:
        node = tree
        for part in problem.path:
            # A field that is called like the leaves would be taken for some.
            key = str(part) if part != _LEAVES else f"{_LEAVES}_"
            node = node.setdefault(key, {})
        node.setdefault(_LEAVES, []).append(_leaf_of(problem))
    return tree


def _leaf_of(problem: Problem) -> dict[str, str]:
    match problem.kind:
        case ProblemKind.MISSING:
            message = "This field is required"
        case ProblemKind.NOT_ALLOWED:
            choices = re.findall(r"'[^']*'", problem.expected)
            message = f"Value must be one of ({', '.join(choices)})."
        case _:
            message = f"Must be {problem.expected}."
    code = _LEAF_CODES.get(problem.kind) or _TYPE_CODES.get(problem.expected, OTHERWISE)
    return {"code": code, "message": message}

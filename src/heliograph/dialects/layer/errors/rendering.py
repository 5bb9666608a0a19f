"""How Layer tells its clients what went wrong."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from heliograph.core.errors import (
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    Problem,
    ProblemKind,
    RateLimited,
    Suspended,
)
from heliograph.dialects.layer.errors import table
from heliograph.dialects.layer.mapping.notifications import REQUEST_ID_HEADER
from heliograph.dialects.layer.mapping.patches import OPERATION
from heliograph.web.dialect import reply_for
from heliograph.web.errors import NotAcceptable, UnsupportedMediaType
from heliograph.web.responses import json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.core.errors import CoreError
    from heliograph.web.dialect import Reply
    from heliograph.web.errors import WebError
    from heliograph.web.request import Request

PAGE = "/docs/dialects/layer.md"
"""Where every error's `url` leads: this door answers there."""


def render_error(error: CoreError | WebError, request: Request, core: Core) -> Response:
    """Answer one error in Layer's form; of a body's problems, the one that comes first."""
    problem = _first_problem(error)
    if problem is not None:
        reply, sentence, facts = _problem_reply(problem)
        return _rendered(reply, sentence, facts, request)
    reply, message = _reply_to(error, request), _message_of(error, request)
    response = _rendered(reply, message, _data_of(error, core), request)
    if isinstance(error, RateLimited):
        wait_s = math.ceil(error.retry_after.total_seconds())
        response.headers["Retry-After"] = str(wait_s)
    return response


def error_page() -> str:
    """Describe every error that this door answers with, in Markdown."""
    replies = sorted({*table.TABLE.values(), *table.FINER}, key=lambda each: each.number or 0)
    rows = (f"| {reply.number} | `{reply.code}` | {reply.status} |" for reply in replies)
    head = ("# Errors", "", "| code | id | status |", "| --- | --- | --- |")
    return "\n".join([*head, *rows, ""])


def _first_problem(error: CoreError | WebError) -> Problem | None:
    """Pick the property to complain about: missing ones first, then in the schema's order.

    None where no single property is to blame, such as for a body that is no object.
    """
    problems = error.problems if isinstance(error, InvalidRequest) else ()
    named = [problem for problem in problems if problem.path]
    missing = [problem for problem in named if problem.kind is ProblemKind.MISSING]
    return next(iter(missing or named), None)


def _problem_reply(problem: Problem) -> tuple[Reply, str, Mapping[str, str]]:
    sentence = f"The property '{problem.field}' must be {problem.expected}."
    if problem.path == (REQUEST_ID_HEADER,):
        reply = table.INVALID_REQUEST_ID
        return reply, table.FINER[reply], {"header": REQUEST_ID_HEADER}
    if problem.path[-1] == OPERATION and problem.kind is ProblemKind.NOT_ALLOWED:
        return table.INVALID_OPERATION, sentence, {"property": problem.field}
    is_missing = problem.kind is ProblemKind.MISSING
    reply = table.MISSING_PROPERTY if is_missing else table.INVALID_PROPERTY
    return reply, sentence, {"property": problem.field}


def _reply_to(error: CoreError | WebError, request: Request) -> Reply:
    """Find the row, and within it what Layer tells apart."""
    match error:
        case Suspended(kind="application"):
            return table.APP_SUSPENDED
        case NotFound(kind="application") if _is_signing_in(request):
            return table.INVALID_APP_ID
        case _:
            return reply_for(table.TABLE, error)


def _is_signing_in(request: Request) -> bool:
    return request.route is not None and request.route.path == "/sessions"


def _message_of(error: CoreError | WebError, request: Request) -> str:
    sentences = table.MESSAGES
    sentence = next(sentences[kind] for kind in type(error).__mro__ if kind in sentences)
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
    reply: Reply, message: str, facts: Mapping[str, str] | None, request: Request
) -> Response:
    body = {
        "id": reply.code,
        "code": reply.number,
        "message": message,
        "url": f"{request.door.public_url}{PAGE}#errors",
    }
    return json_response(body if facts is None else {**body, "data": facts}, reply.status)

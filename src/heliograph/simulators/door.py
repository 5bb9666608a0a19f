"""The fakes' own front door in the demo: what arrived, and what to answer next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.simulators.control import inbox_json, script_fault
from heliograph.web.dialect import Dialect, ErrorTable, Route
from heliograph.web.responses import json_response
from heliograph.web.schemas import Schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.core.errors import CoreError
    from heliograph.simulators.simulators import Simulators
    from heliograph.web.errors import WebError
    from heliograph.web.request import Request

INBOX = "/simulators/inbox"
FAULTS = "/simulators/faults"

_SOURCE = "docs/simulators.md"


class InboxQuery(Schema):
    """token: only what this token received."""

    token: Annotated[str, Field(min_length=1, max_length=4096)] | None = None


def control_dialect(
    simulators: Simulators,
    errors: ErrorTable,
    render_error: Callable[[CoreError | WebError, Request, Core], Response],
) -> Dialect:
    """Make a dialect of the fakes' controls, with another dialect's errors."""

    async def inbox(request: Request, core: Core) -> Response:
        """List what the fakes accepted, oldest first."""
        del core
        query = request.query(InboxQuery)
        return json_response(inbox_json(simulators.inbox, query.token))

    async def faults(request: Request, core: Core) -> Response:
        """Script what a token is answered next."""
        del core
        try:
            said = script_fault(simulators.faults, await request.json())
        except ValueError as error:
            raise InvalidRequest([_problem_of(text) for text in str(error).split("; ")]) from error
        return json_response(said, 201)

    return Dialect(
        name="simulators",
        routes=(
            Route("GET", INBOX, inbox, source=f"{_SOURCE}#inbox", query=InboxQuery),
            Route("POST", FAULTS, faults, source=f"{_SOURCE}#faults"),
        ),
        errors=errors,
        render_error=render_error,
        prefixes=("/simulators",),
    )


def _problem_of(text: str) -> Problem:
    """Read one of a fault's problems, `field: what is wrong`, as the API words it."""
    name, colon, wrong = text.rpartition(": ")
    path = (name,) if colon else ()
    match wrong:
        case "missing":
            return Problem(path, ProblemKind.MISSING, "present")
        case "unknown field":
            return Problem(path, ProblemKind.UNKNOWN_FIELD, "absent")
        case _ if wrong.startswith("goes with "):
            return Problem(path, ProblemKind.NOT_ALLOWED, f"absent: it {wrong}")
        case _:
            return Problem(path, ProblemKind.MALFORMED, wrong.rpartition("must be ")[2])

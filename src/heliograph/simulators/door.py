"""The fakes' own front door in the demo: what arrived, and what to answer next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from heliograph.simulators.control import (
    counts_json,
    inbox_json,
    play_script,
    script_fault,
    subscribe,
)
from heliograph.simulators.webpush.site import ROUTES as WEBPUSH_PAGE
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
SCRIPT = "/simulators/script"
COUNTS = "/simulators/counts"
SUBSCRIPTIONS = "/simulators/webpush/subscriptions"

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
        return json_response(script_fault(simulators.faults, await request.json()), 201)

    async def script(request: Request, core: Core) -> Response:
        """Follow a script of faults from now on."""
        del core
        return json_response(play_script(simulators.faults, await request.json()))

    async def subscriptions(request: Request, core: Core) -> Response:
        """Make a browser's subscription at the fake push service."""
        del core
        return json_response(subscribe(simulators, await request.json()), 201)

    async def counts(request: Request, core: Core) -> Response:
        """Say how many pushes got which status."""
        del request, core
        return json_response(counts_json(simulators))

    return Dialect(
        name="simulators",
        routes=(
            Route("GET", INBOX, inbox, source=f"{_SOURCE}#inbox", query=InboxQuery),
            Route("POST", FAULTS, faults, source=f"{_SOURCE}#faults"),
            Route("PUT", SCRIPT, script, source=f"{_SOURCE}#scripts"),
            Route("GET", COUNTS, counts, source=f"{_SOURCE}#log"),
            Route("POST", SUBSCRIPTIONS, subscriptions, source=f"{_SOURCE}#web-push"),
            *WEBPUSH_PAGE,
        ),
        errors=errors,
        render_error=render_error,
        prefixes=("/simulators",),
    )

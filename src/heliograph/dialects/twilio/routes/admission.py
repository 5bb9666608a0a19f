"""What the routes of all resources do alike: pages, answers, and finding Apps."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from heliograph.core.errors import NotFound
from heliograph.dialects.twilio.mapping import answers, ids, paging
from heliograph.dialects.twilio.schemas.wire import NamedOperation, NamedResource, Pagination
from heliograph.web.responses import json_response

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from starlette.responses import Response

    from heliograph.core.applications.named_applications import NamedApplication
    from heliograph.core.core import Core
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ClientPrincipal
    from heliograph.dialects.twilio.mapping.paging import Filters
    from heliograph.web.schemas import Schema

PAGE = "docs/dialects/twilio.md"

KEPT = timedelta(days=7)
"""How long notifications and operations are shown. Source: docs/dialects/twilio.md, "Send"."""


def oldest_shown(core: Core) -> datetime:
    """Say from when on notifications are shown."""
    return core.clock.now() - KEPT


def behind(core: Core, token: str | None, filters: Filters) -> bytes:
    """Say what a page begins behind; raises InvalidRequest."""
    if token is None:
        return b""
    return paging.unpack(core.signer.verify(paging.PAGE_PURPOSE, token), filters)


def pagination(core: Core, filters: Filters, this: bytes, following: bytes | None) -> Pagination:
    """Make the tokens of a page and of the one that follows, None after the last."""
    return Pagination(
        next=None if following is None else _token(core, filters, following),
        self=_token(core, filters, this),
    )


def shown(answer: Schema) -> Response:
    """Answer with what was asked for; what was not set is left out."""
    return json_response(answer.model_dump(by_alias=True, exclude_unset=True))


def accepted(answer: NamedResource | NamedOperation) -> Response:
    """Answer a write."""
    return json_response(answer.model_dump(by_alias=True), 202, answers.headers_of(answer))


async def apps_of(core: Core, principal: ClientPrincipal) -> Sequence[NamedApplication]:
    """List the Apps that a caller may know of, by age."""
    return await core.named_applications.all_of(principal, ids.NAMING)


async def applications_of(core: Core, principal: ClientPrincipal) -> list[Application]:
    """List the applications behind them."""
    return [each.application for each in await apps_of(core, principal)]


async def app_called(core: Core, principal: ClientPrincipal, name: str) -> NamedApplication:
    """Find an App by its name in a path; raises NotFound."""
    found = await core.named_applications.find(principal, ids.NAMING, ids.to_app_name(name))
    if found is None:
        raise NotFound("application", name)
    return found


def _token(core: Core, filters: Filters, place: bytes) -> str:
    return core.signer.sign(paging.PAGE_PURPOSE, paging.pack(place, filters))

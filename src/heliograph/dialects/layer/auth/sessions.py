"""The session token in `Authorization`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heliograph.core.errors import NotAuthenticated
from heliograph.core.model.identity import SessionForm

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import SessionPrincipal
    from heliograph.web.request import Request

_SESSION_TOKEN = re.compile(
    r"\s*Layer\s+session-token\s*=\s*(?P<quote>[\"']?)(?P<token>[A-Za-z0-9_.-]+)(?P=quote)\s*",
    re.IGNORECASE,
)
"""The page quotes the token singly, the SDKs doubly; some callers not at all."""


async def caller_of(request: Request, core: Core) -> tuple[SessionPrincipal, Application]:
    """Say whose session a request carries, and in which application.

    Raises NotAuthenticated for a missing, malformed, unknown or expired one.
    Source: docs/dialects/layer.md, "Authentication".
    """
    header = _SESSION_TOKEN.fullmatch(request.headers.get("authorization", ""))
    if header is None:
        raise NotAuthenticated
    principal = await core.identity.session(header["token"], SessionForm.LAYER)
    return principal, await core.applications.get(principal.session.application_id)

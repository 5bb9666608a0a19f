"""The key of a customer's back end, and the application that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import NotAuthenticated
from heliograph.dialects.layer.auth.applications import application_of

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ClientPrincipal
    from heliograph.web.request import Request


async def back_end_of(request: Request, core: Core) -> tuple[ClientPrincipal, Application]:
    """Say which back end calls, and about which application.

    Raises NotAuthenticated, and NotFound for an application that is not its own.
    Source: docs/dialects/layer.md, "Platform API".
    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise NotAuthenticated
    principal = await core.identity.client(key.strip())
    text = request.path_params["app_uuid"]
    application = await application_of(text, core, principal.account_id)
    access.require_sight(principal, application)
    return principal, application

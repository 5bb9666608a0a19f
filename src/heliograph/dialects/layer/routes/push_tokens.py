"""Push tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.layer.auth import sessions as auth
from heliograph.dialects.layer.mapping import push_tokens as mapping
from heliograph.dialects.layer.routes.admission import DOCUMENT
from heliograph.dialects.layer.schemas import push_tokens as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def register_push_token(request: Request, core: Core) -> Response:
    """Register the token of one of the caller's devices; 202, empty."""
    principal, application = await auth.caller_of(request, core)
    body = await request.read(schemas.PushToken)
    draft = mapping.to_draft(body, principal, now=core.clock.now())
    await core.registrations.register(principal, application, draft)
    return empty_response(202)


async def unregister_push_token(request: Request, core: Core) -> Response:
    """Forget the token of one of the caller's devices, if there is one; 202, empty."""
    principal, application = await auth.caller_of(request, core)
    slot = mapping.to_slot(request.path_params["device_id"])
    owner = mapping.to_owner(principal)
    await core.registrations.unregister(principal, application, slot, owner)
    return empty_response(202)


ROUTES = (
    Route(
        "POST",
        "/push_tokens",
        register_push_token,
        source=f"{DOCUMENT}#register",
        summary="Register a push token",
        body=schemas.PushToken,
        answers={202: None},
    ),
    Route(
        "DELETE",
        "/push_tokens/{device_id}",
        unregister_push_token,
        source=f"{DOCUMENT}#unregister",
        summary="Unregister a push token",
        answers={202: None},
    ),
)

"""Layer's operations: nonces, push tokens, and the probe for being online."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.layer import auth, mapping, schemas
from heliograph.web.dialect import Route
from heliograph.web.errors import NotAcceptable
from heliograph.web.responses import empty_response, json_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

_ASKING_FOR_NO_VERSION = frozenset({"/ping"})
"""Paths that answer whatever Accept says. A probe asks only whether we are there."""


async def ping(request: Request, core: Core) -> Response:
    """Say that the server is there; 200, empty."""
    del request, core
    return empty_response(200)


async def create_nonce(request: Request, core: Core) -> Response:
    """Make a nonce for anyone; 201 with it."""
    # A client whose session is over sends its old Authorization along: nobody looks.
    del request
    nonce = schemas.Nonce(nonce=core.nonces.new())
    return json_response(nonce.model_dump(), 201)


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


def check_request(request: Request) -> None:
    """Refuse a request for a version that is not spoken; raises NotAcceptable."""
    if request.route is not None and request.route.path in _ASKING_FOR_NO_VERSION:
        return
    if not mapping.asks_for_known_version(request.headers.getlist("accept")):
        raise NotAcceptable("Accept")


def claims_request(request: Request) -> bool:
    """Own what nobody matched where Accept names a Layer type."""
    return mapping.asks_for_layer(request.headers.getlist("accept"))


ROUTES = (
    Route(
        "HEAD",
        "/ping",
        ping,
        source="docs/dialects/layer.md#ping",
        summary="Say that the server is there",
        answers={200: None},
    ),
    Route(
        "POST",
        "/nonces",
        create_nonce,
        source="docs/dialects/layer.md#nonces",
        summary="Make a nonce",
        answers={201: schemas.Nonce},
    ),
    Route(
        "POST",
        "/push_tokens",
        register_push_token,
        source="docs/dialects/layer.md#register",
        summary="Register a push token",
        body=schemas.PushToken,
        answers={202: None},
    ),
    Route(
        "DELETE",
        "/push_tokens/{device_id}",
        unregister_push_token,
        source="docs/dialects/layer.md#unregister",
        summary="Unregister a push token",
        answers={202: None},
    ),
)

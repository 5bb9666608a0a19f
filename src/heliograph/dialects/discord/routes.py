"""Discord's operations on push devices, under every version of its API that answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.dialects.discord import auth, mapping, schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response, schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

VERSIONS = range(6, 11)
"""The versions that answer; these calls are the same in all of them."""

PLACES = ("", "/api", *(f"/api/v{version}" for version in VERSIONS))
"""Where the operations are: a client's base URL may end before or after `/api/v9`."""


async def register_device(request: Request, core: Core) -> Response:
    """Register the tokens of one of the caller's devices; 204, empty."""
    principal, application = await auth.caller_of(request, core)
    body = await request.read(schemas.NewDevice)
    drafts = mapping.to_drafts(body, principal, now=core.clock.now())
    await core.registrations.register_all(principal, application, drafts)
    return empty_response(204)


async def unregister_device(request: Request, core: Core) -> Response:
    """Forget a token of the caller's, if it is there; 204, empty."""
    principal, application = await auth.caller_of(request, core)
    body = await request.read(schemas.Device)
    owner = access.member_of(principal)
    for slot, provider, token in mapping.to_places(body):
        forgotten = await core.registrations.unregister(
            principal, application, slot, owner, provider=provider, token=token
        )
        if forgotten is not None:
            break
    return empty_response(204)


async def create_sync_token(request: Request, core: Core) -> Response:
    """Make a sync token of the caller's; 200 with it."""
    principal, application = await auth.caller_of(request, core)
    token = await auth.new_sync_token(principal, application, core)
    return schema_response(schemas.SyncToken(token=token))


async def synchronize_devices(request: Request, core: Core) -> Response:
    """Give a token to exactly the listed users and the caller; 200 with what lists nobody."""
    principal, application = await auth.caller_of(request, core)
    body = await request.read(schemas.Synchronization)
    holders = {
        token: await auth.holder_of(token, application, core)
        for token in dict.fromkeys(body.push_sync_tokens)
    }
    listed = [holder for holder in holders.values() if holder is not None]
    drafts = mapping.to_sync_drafts(body, principal, listed, now=core.clock.now())
    await core.registrations.synchronize(principal, application, drafts, is_exact=True)
    invalid = tuple(token for token in body.push_sync_tokens if holders[token] is None)
    return schema_response(schemas.Synchronized(invalid_push_sync_tokens=invalid))


_OPERATIONS = (
    Route(
        "POST",
        "/users/@me/devices",
        register_device,
        source="docs/dialects/discord.md#register",
        summary="Register a device's tokens",
        body=schemas.NewDevice,
        answers={204: None},
    ),
    Route(
        "DELETE",
        "/users/@me/devices",
        unregister_device,
        source="docs/dialects/discord.md#unregister",
        summary="Unregister a device's token",
        body=schemas.Device,
        answers={204: None},
    ),
    Route(
        "GET",
        "/users/@me/devices/sync-token",
        create_sync_token,
        source="docs/dialects/discord.md#sync-tokens",
        summary="Get a sync token",
        answers={200: schemas.SyncToken},
    ),
    Route(
        "PUT",
        "/users/@me/devices/sync",
        synchronize_devices,
        source="docs/dialects/discord.md#synchronize",
        summary="Share a device among accounts",
        body=schemas.Synchronization,
        answers={200: schemas.Synchronized},
    ),
)

ROUTES = tuple(replace(route, path=place + route.path) for place in PLACES for route in _OPERATIONS)

"""Discord's operations on push devices and logins, under every version that answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.identity import snowflakes
from heliograph.core.model.identity import SessionPrincipal
from heliograph.dialects.discord import auth, mapping, schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response, schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

_NEVER_CACHED = {"cache-control": "no-store"}
"""For answers with a login token in them."""

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
    """Give a token to the listed users and the caller; 200 with what lists nobody."""
    principal, application = await auth.caller_of(request, core)
    body = await request.read(schemas.Synchronization)
    leaves = {
        token: await auth.leave_of(token, application, core)
        for token in dict.fromkeys(body.push_sync_tokens)
    }
    listed = [leave for leave in leaves.values() if leave is not None]
    drafts = mapping.to_sync_drafts(body, principal, listed, now=core.clock.now())
    made = await core.registrations.synchronize(
        principal, application, drafts, is_exact=mapping.is_exact(application)
    )
    invalid = mapping.invalid_of(body, leaves, made)
    return schema_response(schemas.Synchronized(invalid_push_sync_tokens=invalid))


async def log_in(request: Request, core: Core) -> Response:
    """Sign a user in by login and password; 200 with a login token."""
    caller = await auth.signed_in(request, core)
    if caller is not None:
        session, token = caller.session, auth.login_token_of(request)
    else:
        body = await request.read(schemas.LogIn)
        application = await request.door.bound_application(core)
        session, token = await core.logins.sign_in(
            application, auth.FORM, body.login, body.password, address=request.client_address
        )
    snowflake = await snowflakes.snowflake_of(core.aliases, session.account_id, session.user_id)
    return schema_response(mapping.from_log_in(snowflake, token), headers=_NEVER_CACHED)


async def log_out(request: Request, core: Core) -> Response:
    """End the caller's session, and forget the tokens that come along; 204, empty."""
    principal, application = await auth.caller_of(request, core)
    body = await request.read(schemas.LogOut) if await request.body() else schemas.LogOut()
    owner = access.member_of(principal)
    for slot, provider, token in mapping.to_logout_places(body):
        await core.registrations.unregister(
            principal, application, slot, owner, provider=provider, token=token
        )
    await core.identity.end_session(auth.login_token_of(request), auth.FORM)
    return empty_response(204)


async def list_sessions(request: Request, core: Core) -> Response:
    """List the caller's sessions; 200."""
    principal, _ = await auth.caller_of(request, core)
    return schema_response(mapping.from_sessions(await core.sessions.sign_ins_of(principal)))


async def log_out_sessions(request: Request, core: Core) -> Response:
    """End those of the caller's sessions that are listed, with their devices; 204, empty."""
    principal, _ = await auth.caller_of(request, core)
    body = await request.read(schemas.SessionsLogOut)
    own = await core.sessions.sign_ins_of(principal)
    await core.sessions.end_own(principal, mapping.to_session_ids(body, own))
    return empty_response(204)


async def get_user(request: Request, core: Core) -> Response:
    """Show the caller; 200."""
    principal, _ = await auth.caller_of(request, core)
    return schema_response(await _user_of(principal, core))


async def change_user(request: Request, core: Core) -> Response:
    """Change the caller's password and register their device; 200 with the login token."""
    principal, application = await auth.caller_of(request, core)
    body = await request.read(schemas.Profile)
    token = auth.login_token_of(request)
    if body.new_password is not None:
        session, token = await core.logins.change_own_password(
            principal,
            application,
            body.password or "",
            body.new_password,
            address=request.client_address,
        )
        principal = SessionPrincipal(session)
    drafts = mapping.to_profile_drafts(body, principal, now=core.clock.now())
    await core.registrations.register_all(principal, application, drafts)
    return schema_response(await _user_of(principal, core, token), headers=_NEVER_CACHED)


async def _user_of(
    principal: SessionPrincipal, core: Core, token: str | None = None
) -> schemas.CurrentUser:
    session = principal.session
    application = await core.applications.get(session.application_id)
    login = await core.logins.of_user(application, auth.FORM, session.user_id)
    snowflake = await snowflakes.snowflake_of(core.aliases, session.account_id, session.user_id)
    return mapping.from_user(snowflake, session, login, token)


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
    Route(
        "POST",
        "/auth/login",
        log_in,
        source="docs/dialects/discord.md#log-in",
        summary="Sign in",
        body=schemas.LogIn,
        answers={200: schemas.LoggedIn},
    ),
    Route(
        "POST",
        "/auth/logout",
        log_out,
        source="docs/dialects/discord.md#log-out",
        summary="Sign out",
        body=schemas.LogOut,
        answers={204: None},
    ),
    Route(
        "GET",
        "/auth/sessions",
        list_sessions,
        source="docs/dialects/discord.md#sessions",
        summary="List sessions",
        answers={200: schemas.AuthSessions},
    ),
    Route(
        "POST",
        "/auth/sessions/logout",
        log_out_sessions,
        source="docs/dialects/discord.md#sessions",
        summary="Sign sessions out",
        body=schemas.SessionsLogOut,
        answers={204: None},
    ),
    Route(
        "GET",
        "/users/@me",
        get_user,
        source="docs/dialects/discord.md#the-current-user",
        summary="Show the current user",
        answers={200: schemas.CurrentUser},
    ),
    Route(
        "PATCH",
        "/users/@me",
        change_user,
        source="docs/dialects/discord.md#the-current-user",
        summary="Change the current user",
        body=schemas.Profile,
        answers={200: schemas.CurrentUser},
    ),
)

ROUTES = tuple(replace(route, path=place + route.path) for place in PLACES for route in _OPERATIONS)

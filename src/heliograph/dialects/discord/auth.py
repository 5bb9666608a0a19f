"""Discord's credentials: the login token in `Authorization`, and sync tokens in a body."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from heliograph.core.errors import NotAuthenticated, NotFound, NotPermitted
from heliograph.core.identity import snowflakes
from heliograph.core.model.identity import SessionForm
from heliograph.dialects.discord import mapping

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import SessionPrincipal
    from heliograph.web.request import Request

CALLS_OF_BOTS = "calls of bots"
"""What a bot's token would need to be permitted for. None is."""

FORM = SessionForm.DISCORD

SYNC_TOKEN_LIFE = timedelta(days=60)
"""How long a sync token is good: clients keep theirs until one is reported invalid."""

_PURPOSE = "discord-sync"
_NUMBER_BYTES = 4


async def caller_of(request: Request, core: Core) -> tuple[SessionPrincipal, Application]:
    """Say whose login token a request carries, and in which application.

    Raises NotPermitted for a bot's token, NotAuthenticated for a missing,
    unknown or expired one and for what other schemes bring, and RateLimited.
    Source: docs/dialects/discord.md, "Authentication".
    """
    try:
        principal = await core.identity.session(login_token_of(request), FORM)
    except NotAuthenticated:
        core.rates.count_stranger(request.client_address)
        raise
    core.rates.count_request(principal.session.id)
    return principal, await core.applications.get(principal.session.application_id)


async def signed_in(request: Request, core: Core) -> SessionPrincipal | None:
    """Say whose login token a request carries, where it need not carry any."""
    try:
        return (await caller_of(request, core))[0]
    except (NotAuthenticated, NotPermitted):
        return None


def login_token_of(request: Request) -> str:
    """Read the login token; raises NotPermitted for a bot's, NotAuthenticated for none."""
    credential = request.headers.get("authorization", "").strip()
    if credential.lower().startswith("bot "):
        raise NotPermitted(CALLS_OF_BOTS)
    if not credential or " " in credential:
        raise NotAuthenticated
    return str(credential)


async def new_sync_token(principal: SessionPrincipal, application: Application, core: Core) -> str:
    """Make a token that lets another account's client register its device for the caller.

    Source: docs/dialects/discord.md, "Sync tokens".
    """
    user_id = principal.session.user_id
    snowflake = await snowflakes.snowflake_of(core.aliases, application.account_id, user_id)
    signed = mapping.to_signed_part(snowflake, core.clock.now())
    number = await core.sessions.revocations(application.id, user_id)
    message = _message(signed.encode(), application, number)
    return mapping.from_sync_token(signed, core.signer.mac(_PURPOSE, message))


async def leave_of(sync_token: str, application: Application, core: Core) -> mapping.Leave | None:
    """Say whose devices a sync token opens; None for a bad, expired, revoked or foreign one."""
    read = mapping.to_sync_token(sync_token)
    if read is None or read.issued_at + SYNC_TOKEN_LIFE <= core.clock.now():
        return None
    user_id = await snowflakes.user_of(core.aliases, application.account_id, read.snowflake)
    if user_id is None:
        return None
    number = await core.sessions.revocations(application.id, user_id)
    message = _message(read.signed, application, number)
    if not core.signer.is_mac(_PURPOSE, message, read.mac):
        return None
    try:
        return mapping.Leave(await core.identity.member_of(application, user_id), number)
    except NotFound:
        return None


def _message(signed: bytes, application: Application, number: int) -> bytes:
    # A snowflake is unique within an account only, and leave was given in one
    # application; what was signed before the last revocation has another number.
    return application.id + number.to_bytes(_NUMBER_BYTES, "big") + signed

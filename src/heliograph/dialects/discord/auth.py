"""Discord's credentials: the login token in `Authorization`, and sync tokens in a body."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from heliograph.core.errors import NotAuthenticated, NotFound, NotPermitted
from heliograph.core.model.identity import SessionForm
from heliograph.dialects.discord import mapping

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import SessionPrincipal
    from heliograph.core.model.registration import MemberKey
    from heliograph.web.request import Request

CALLS_OF_BOTS = "calls of bots"
"""What a bot's token would need to be permitted for. None is."""

SYNC_TOKEN_LIFE = timedelta(days=60)
"""How long a sync token is good: clients keep theirs until one is reported invalid."""

_SNOWFLAKE = "snowflake"
_PURPOSE = "discord-sync"


async def caller_of(request: Request, core: Core) -> tuple[SessionPrincipal, Application]:
    """Say whose login token a request carries, and in which application.

    Raises NotPermitted for a bot's token, and NotAuthenticated for a missing,
    unknown or expired one and for what other schemes bring.
    Source: docs/dialects/discord.md, "Authentication".
    """
    credential = request.headers.get("authorization", "").strip()
    if credential.lower().startswith("bot "):
        raise NotPermitted(CALLS_OF_BOTS)
    if not credential or " " in credential:
        raise NotAuthenticated
    principal = await core.identity.session(credential, SessionForm.DISCORD)
    return principal, await core.applications.get(principal.session.application_id)


async def new_sync_token(principal: SessionPrincipal, application: Application, core: Core) -> str:
    """Make a token that lets another account's client register its device for the caller.

    Source: docs/dialects/discord.md, "Sync tokens".
    """
    user_id = principal.session.user_id
    snowflake = await core.aliases.ensure(
        _SNOWFLAKE, application.account_id, user_id, mapping.snowflake_maker(user_id)
    )
    signed = mapping.to_signed_part(snowflake, core.clock.now())
    return mapping.from_sync_token(
        signed, core.signer.mac(_PURPOSE, _message(signed.encode(), application))
    )


async def holder_of(sync_token: str, application: Application, core: Core) -> MemberKey | None:
    """Say whose devices a sync token opens; None for a bad, expired or foreign one."""
    read = mapping.to_sync_token(sync_token)
    if read is None:
        return None
    if not core.signer.is_mac(_PURPOSE, _message(read.signed, application), read.mac):
        return None
    if read.issued_at + SYNC_TOKEN_LIFE <= core.clock.now():
        return None
    user_id = await core.aliases.find(_SNOWFLAKE, application.account_id, read.snowflake)
    if user_id is None:
        return None
    try:
        return await core.identity.member_of(application, user_id)
    except NotFound:
        return None


def _message(signed: bytes, application: Application) -> bytes:
    # A snowflake is unique within an account only, and leave was given in one application.
    return application.id + signed

"""Identity tokens: what a customer's back end signs so that a user may sign in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.model.identity import SessionForm
from heliograph.core.stores.issuers import TokenRefused
from heliograph.dialects.layer.mapping import sessions as mapping

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.application import Application


async def session_for(identity_token: str, application: Application, core: Core) -> str:
    """Open a session for whom an identity token names; answers its token.

    Raises InvalidRequest at `identity_token` for one that proves nothing,
    and Suspended. Source: docs/dialects/layer.md, "Sessions".
    """
    try:
        verified = await core.issuers.verified(application, SessionForm.LAYER, identity_token)
        claims = verified.claims
        _, token = await core.issuers.sign_in(
            application,
            SessionForm.LAYER,
            claims.get("prn"),
            claims.get("nce"),
            mapping.to_session_life(application),
        )
    except TokenRefused as error:
        raise mapping.token_problem(error.fault) from error
    return token

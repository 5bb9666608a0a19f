"""Bearer credentials of the native API -> principal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.errors import NotAuthenticated, NotFound
from heliograph.core.model.identity import SessionForm
from heliograph.core.stores.issuers import TokenRefused

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.identity import Principal
    from heliograph.web.request import Request

_SESSION_PREFIX = "hgs_"
_DOTS_OF_A_JWT = 2


async def principal_of(request: Request, core: Core) -> Principal:
    """Say who calls: a back end by its API key, or a device by its session or its issuer's token.

    Raises NotAuthenticated, and Suspended for a user who is shut out.
    Source: docs/dialects/native.md, "Authentication".
    """
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    credential = credential.strip()
    if scheme.lower() != "bearer" or not credential:
        raise NotAuthenticated
    if credential.startswith(_SESSION_PREFIX):
        return await core.identity.session(credential, SessionForm.NATIVE)
    if credential.count(".") == _DOTS_OF_A_JWT:
        return await _principal_by_issuer(request, core, credential)
    return await core.identity.client(credential)


async def _principal_by_issuer(request: Request, core: Core, token: str) -> Principal:
    """Believe an issuer that the application in the path trusts."""
    try:
        application = await core.applications.by_spelling(request.path_params.get("app", ""))
        return await core.issuers.principal(application, token)
    except (NotFound, TokenRefused) as error:
        # Whoever proves nothing learns neither why nor which applications there are.
        raise NotAuthenticated from error

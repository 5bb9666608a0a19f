"""Bearer credentials of the native API -> principal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.errors import NotAuthenticated
from heliograph.core.model.identity import SessionForm

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.identity import Principal
    from heliograph.web.request import Request

_SESSION_PREFIX = "hgs_"


async def principal_of(request: Request, core: Core) -> Principal:
    """Say who calls: a back end by its API key, or a device by its session token.

    Raises NotAuthenticated. Source: docs/dialects/native.md, "Authentication".
    """
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    credential = credential.strip()
    if scheme.lower() != "bearer" or not credential:
        raise NotAuthenticated
    if credential.startswith(_SESSION_PREFIX):
        return await core.identity.session(credential, SessionForm.NATIVE)
    return await core.identity.client(credential)

"""Twilio's credential: HTTP Basic, with an API client's key as the password."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from heliograph.core.errors import NotAuthenticated
from heliograph.dialects.twilio.mapping.ids import user_names_of

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.identity import ClientPrincipal
    from heliograph.web.request import Request


async def caller_of(request: Request, core: Core) -> ClientPrincipal:
    """Say which back end calls.

    The key alone would tell; but a user name that isn't its own is a mix-up
    of accounts, which the vendor refuses too. Raises NotAuthenticated.
    Source: docs/dialects/twilio.md, "Authentication".
    """
    user_name, key = _basic_of(request.headers.get("authorization", ""))
    principal = await core.identity.client(key)
    if user_name not in user_names_of(principal):
        raise NotAuthenticated
    return principal


def _basic_of(header: str) -> tuple[str, str]:
    """Read user name and password; raises NotAuthenticated. Source: RFC 7617 section 2."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        raise NotAuthenticated
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode()
    except ValueError:
        raise NotAuthenticated from None
    user_name, _, password = text.partition(":")
    return user_name, password

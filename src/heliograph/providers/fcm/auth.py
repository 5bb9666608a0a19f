"""Access tokens: traded for a signed assertion, kept until shortly before their end.

Source: docs/providers/fcm.md, "Authentication".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from heliograph.core.model.outcome import Misconfigured
from heliograph.outbound.access_tokens import MAX_TOKENS, AccessTokenCache
from heliograph.outbound.guard import UrlRefused
from heliograph.outbound.http1 import OutboundError
from heliograph.providers.fcm.grants import interpret_grant, interpret_no_grant
from heliograph.providers.fcm.settings import (
    ASSERTION_LIFETIME,
    GRANT_TYPE,
    SCOPE,
)
from heliograph.security.jwt import UnusableKey, sign_jwt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.application import FcmCredential
    from heliograph.core.model.outcome import Outcome
    from heliograph.core.ports import Clock
    from heliograph.outbound.access_tokens import Granted
    from heliograph.outbound.http1 import HttpReply


class FormClient(Protocol):
    """What posts to the token endpoint."""

    async def post_form(
        self, url: str, fields: Mapping[str, str], *, timeout_s: float = ...
    ) -> HttpReply:
        """Post form fields; raises OutboundError when no reply came, and UrlRefused."""
        ...


class AccessTokens:
    """Gets access tokens, one call at a time per credential; remembers `size` of them."""

    def __init__(
        self, client: FormClient, clock: Clock, *, timeout_s: float, size: int = MAX_TOKENS
    ) -> None:
        self._client = client
        self._clock = clock
        self._timeout_s = timeout_s
        self._tokens = AccessTokenCache(clock, size=size)

    async def authorization(
        self, credential_id: Id, secret: FcmCredential, *, now: datetime
    ) -> bytes | Outcome:
        """Say the `authorization` of a credential's pushes, or what became of asking for one."""

        async def ask() -> Granted | Outcome:
            return await self._ask(secret, now=now)

        token = await self._tokens.get(credential_id, ask)
        return b"Bearer " + token.encode("ascii") if isinstance(token, str) else token

    def forget(self, credential_id: Id) -> None:
        """Drop a token that was refused, unless it is so new that another call brought it."""
        self._tokens.forget(credential_id)

    async def _ask(self, secret: FcmCredential, *, now: datetime) -> Granted | Outcome:
        try:
            assertion = sign(secret, now=self._clock.now())
        except UnusableKey as error:
            return Misconfigured(f"the service account's key is unusable: {error}")
        form = {"grant_type": GRANT_TYPE, "assertion": assertion}
        try:
            reply = await self._client.post_form(secret.token_uri, form, timeout_s=self._timeout_s)
        except UrlRefused as error:
            return Misconfigured(f"the service account's token_uri must be {error.expected}")
        except OutboundError as error:
            return interpret_no_grant(error)
        return interpret_grant(reply, now=now)


def sign(secret: FcmCredential, *, now: datetime) -> str:
    """Sign an assertion for the token endpoint; raises UnusableKey.

    Source: RFC 7523, section 3.
    """
    issued_at = int(now.timestamp())
    claims = {
        "iss": secret.client_email,
        "scope": SCOPE,
        "aud": secret.token_uri,
        "iat": issued_at,
        "exp": issued_at + int(ASSERTION_LIFETIME.total_seconds()),
    }
    return sign_jwt(
        claims, algorithm="RS256", key_id=secret.private_key_id, key_pem=secret.private_key_pem
    )

"""Access tokens: traded for a signed assertion, kept until shortly before their end.

Source: docs/providers/fcm.md, "Authentication".
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Protocol

from heliograph.core.model.outcome import Deferred, Misconfigured
from heliograph.outbound.guard import UrlRefused
from heliograph.outbound.http1 import OutboundError
from heliograph.providers.fcm.grants import Granted, interpret_grant, interpret_no_grant
from heliograph.providers.fcm.settings import (
    ASSERTION_LIFETIME,
    GRANT_TYPE,
    RENEWAL_MARGIN,
    SCOPE,
    SHORTEST_REFRESH,
)
from heliograph.security.jwt import UnusableKey, sign_jwt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.application import FcmCredential
    from heliograph.core.model.outcome import Outcome
    from heliograph.core.ports import Clock
    from heliograph.outbound.http1 import HttpReply

MAX_TOKENS: Final = 1000
"""Credentials whose tokens are remembered."""

_MARGIN_S: Final = RENEWAL_MARGIN.total_seconds()
_SHORTEST_REFRESH_S: Final = SHORTEST_REFRESH.total_seconds()
_RENEWAL_PAUSE_S: Final = 30.0
# A token is not handed out in its last seconds: it has to arrive while it is good.
_LAST_USE_S: Final = 10.0
_NEVER_ASKED: Final = Deferred("token endpoint: not asked yet")


class FormClient(Protocol):
    """What posts to the token endpoint."""

    async def post_form(
        self, url: str, fields: Mapping[str, str], *, timeout_s: float = ...
    ) -> HttpReply:
        """Post form fields; raises OutboundError when no reply came, and UrlRefused."""
        ...


class _Entry:
    """One credential's token. calls: how often the endpoint was asked; last: what it came to."""

    __slots__ = ("calls", "expires_at_s", "last", "lock", "minted_at_s", "renew_at_s", "token")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.calls = 0
        self.last: bytes | Outcome = _NEVER_ASKED
        self.token: bytes | None = None
        self.minted_at_s = 0.0
        self.renew_at_s = 0.0
        self.expires_at_s = 0.0


class AccessTokens:
    """Gets access tokens, one call at a time per credential.

    Ages are read off the monotonic clock, so that a corrected wall clock
    doesn't make an expired token look fresh.
    """

    def __init__(
        self, client: FormClient, clock: Clock, *, timeout_s: float, size: int = MAX_TOKENS
    ) -> None:
        self._client = client
        self._clock = clock
        self._timeout_s = timeout_s
        self._size = size
        self._entries: OrderedDict[Id, _Entry] = OrderedDict()

    async def authorization(
        self, credential_id: Id, secret: FcmCredential, *, now: datetime
    ) -> bytes | Outcome:
        """Say the `authorization` of a credential's pushes, or what became of asking for one."""
        entry = self._entry(credential_id)
        if entry.token is not None:
            now_s = self._clock.monotonic()
            # While somebody renews it, the others go on with the one that is still good.
            usable_until_s = entry.expires_at_s - _LAST_USE_S
            if now_s < (usable_until_s if entry.lock.locked() else entry.renew_at_s):
                return entry.token
        calls = entry.calls
        async with entry.lock:
            if entry.calls == calls:
                entry.last = await self._renew(entry, secret, now=now)
                entry.calls += 1
            # Else somebody asked while we waited, and their answer is ours too.
            return entry.last

    def forget(self, credential_id: Id) -> None:
        """Drop a token that was refused, unless it is so new that another call brought it."""
        entry = self._entries.get(credential_id)
        if entry is not None and self._age_s(entry) >= _SHORTEST_REFRESH_S:
            entry.token = None

    def _age_s(self, entry: _Entry) -> float:
        return self._clock.monotonic() - entry.minted_at_s

    def _entry(self, credential_id: Id) -> _Entry:
        entry = self._entries.get(credential_id)
        if entry is None:
            entry = self._entries[credential_id] = _Entry()
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)
        else:
            self._entries.move_to_end(credential_id)
        return entry

    async def _renew(
        self, entry: _Entry, secret: FcmCredential, *, now: datetime
    ) -> bytes | Outcome:
        """Ask for a token; while the endpoint is down, the one we have serves to its end."""
        asked_at_s = self._clock.monotonic()
        granted = await self._ask(secret, now=now)
        if isinstance(granted, Granted):
            lifetime_s = granted.lifetime.total_seconds()
            entry.token = b"Bearer " + granted.access_token.encode("ascii")
            entry.minted_at_s = asked_at_s
            entry.expires_at_s = asked_at_s + lifetime_s
            # A token that lives for minutes only is replaced at half its life.
            entry.renew_at_s = asked_at_s + max(lifetime_s - _MARGIN_S, lifetime_s / 2)
            return entry.token
        later_s = self._clock.monotonic() + _RENEWAL_PAUSE_S
        if isinstance(granted, Deferred) and entry.token and later_s < entry.expires_at_s:
            entry.renew_at_s = later_s
            return entry.token
        entry.token = None
        return granted

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

"""Access tokens of WNS: an app's id and secret traded at either of Microsoft's endpoints.

Source: docs/providers/wns.md, "Authentication"; RFC 6749, section 4.4.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from heliograph.core.model.outcome import Deferred, Misconfigured
from heliograph.outbound.access_tokens import AccessTokenCache, Granted
from heliograph.outbound.http1 import OutboundError
from heliograph.outbound.json_object import read_object
from heliograph.outbound.retry_after import retry_after_of
from heliograph.providers.wns.settings import (
    ENTRA_SCOPE,
    ENTRA_TOKEN_LIFETIME,
    STORE_SCOPE,
    STORE_TOKEN_LIFETIME,
    entra_token_url,
    store_token_url,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from heliograph.config import Wns
    from heliograph.core.ids import Id
    from heliograph.core.model.application import WnsCredential
    from heliograph.core.model.outcome import Outcome
    from heliograph.core.ports import Clock
    from heliograph.outbound.http1 import HttpReply

_OK: Final = 200
_BAD_REQUEST: Final = 400
_REQUEST_TIMEOUT: Final = 408
_TOO_MANY: Final = 429
_FIRST_SERVER_ERROR: Final = 500
_LONGEST_REASON_CHARS: Final = 200
_is_access_token: Final = re.compile(r"[!-~]{1,16384}").fullmatch
_is_seconds: Final = re.compile(r"[0-9]{1,9}").fullmatch


class FormClient(Protocol):
    """What posts to the token endpoint."""

    async def post_form(
        self, url: str, fields: Mapping[str, str], *, timeout_s: float = ...
    ) -> HttpReply:
        """Post form fields; raises OutboundError when no reply came."""
        ...


class AccessTokens:
    """Gets access tokens, one call at a time per credential; keeps them until near their end."""

    def __init__(
        self, client: FormClient, settings: Wns, clock: Clock, *, timeout_s: float
    ) -> None:
        """Read where the endpoints are; raises ValueError for URLs that can't be used."""
        self._client = client
        self._settings = settings
        self._store_url = store_token_url(settings)
        entra_token_url(settings, "")
        self._timeout_s = timeout_s
        self._cache = AccessTokenCache(clock)

    async def authorization(
        self, credential_id: Id, secret: WnsCredential, *, now: datetime
    ) -> str | Outcome:
        """Say a credential's access token, or what became of asking for one."""

        async def ask() -> Granted | Outcome:
            url, form = self._grant_of(secret)
            try:
                reply = await self._client.post_form(url, form, timeout_s=self._timeout_s)
            except OutboundError as error:
                return Deferred(f"token endpoint: {error.detail}")
            usual = STORE_TOKEN_LIFETIME if secret.tenant is None else ENTRA_TOKEN_LIFETIME
            return interpret_grant(reply, usual=usual, now=now)

        return await self._cache.get(credential_id, ask)

    def forget(self, credential_id: Id) -> None:
        """Drop a token that was refused, unless it is less than a minute old."""
        self._cache.forget(credential_id)

    def _grant_of(self, secret: WnsCredential) -> tuple[str, dict[str, str]]:
        form = {
            "grant_type": "client_credentials",
            "client_id": secret.client_id,
            "client_secret": secret.client_secret,
        }
        if secret.tenant is None:
            return self._store_url, {**form, "scope": STORE_SCOPE}
        return entra_token_url(self._settings, secret.tenant), {**form, "scope": ENTRA_SCOPE}


def interpret_grant(reply: HttpReply, *, usual: timedelta, now: datetime) -> Granted | Outcome:
    """Say what a token endpoint's reply means for every target that waits for it.

    usual: the token's life where the endpoint doesn't say.
    Source: docs/providers/wns.md, "Authentication".
    """
    status = reply.status
    read = read_object(reply.body)
    if status == _OK:
        token = read.get("access_token")
        if not isinstance(token, str) or not _is_access_token(token):
            return Deferred("token endpoint: unreadable reply")
        return Granted(token, _lifetime(read.get("expires_in"), usual))
    error = read.get("error")
    code = error[:_LONGEST_REASON_CHARS] if isinstance(error, str) and error else f"HTTP {status}"
    reason = f"token endpoint: {code}"
    if status in (_REQUEST_TIMEOUT, _TOO_MANY) or not _BAD_REQUEST <= status < _FIRST_SERVER_ERROR:
        retry_after = retry_after_of(reply.headers, now=now)
        return Deferred(reason, retry_after, is_ours=status == _TOO_MANY)
    # A grant has no 4xx that only one target could have caused.
    return Misconfigured(_explained(reason, read.get("error_description")))


def _explained(reason: str, description: Any) -> str:
    """Add Microsoft's own sentence, which tells an expired secret from a wrong one."""
    if not isinstance(description, str) or not description:
        return reason
    sentence = "".join(filter(str.isprintable, description.partition("\n")[0]))
    return f"{reason}: {sentence[:_LONGEST_REASON_CHARS]}"


def _lifetime(expires_in: Any, usual: timedelta) -> timedelta:
    # The older endpoint has been seen to spell the number as a text.
    text = str(expires_in) if type(expires_in) in (int, str) else ""
    seconds = int(text) if _is_seconds(text) else 0
    return timedelta(seconds=seconds) if 0 < seconds <= usual.total_seconds() * 30 else usual

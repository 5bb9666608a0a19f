"""Calls of token endpoints, whose URLs come with service accounts: a customer's word.

The one beside FCM itself, as the operator's settings name it, is the
operator's own, as with the fakes; any other is checked like every URL that a
stranger supplies, and so is the address behind it.

Source: docs/decisions/0020-outgoing-urls.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.application import FcmCredential
from heliograph.outbound.guard import WEBHOOK, UrlRefused
from heliograph.outbound.http1 import Http1Client
from heliograph.providers.fcm.settings import check_secret, origin_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from datetime import datetime

    from heliograph.config import Fcm
    from heliograph.core.model.application import Secret
    from heliograph.core.model.registration import Environment
    from heliograph.outbound.guard import Guard
    from heliograph.outbound.http1 import HttpReply
    from heliograph.outbound.http2.origin import Origin

_HTTPS_PORT = 443


class TokenCalls:
    """Posts to token endpoints. own: for the one beside FCM; closed by whoever made it."""

    def __init__(self, own: Http1Client, tls: ssl.SSLContext, guard: Guard, origin: Origin) -> None:
        self._own = own
        self._guarded = Http1Client(tls, guard=guard)
        self._guard = guard
        self._origin = origin

    async def post_form(
        self, url: str, fields: Mapping[str, str], *, timeout_s: float = 10.0
    ) -> HttpReply:
        """Post form fields; raises OutboundError, and UrlRefused for what may not be called."""
        if _is_at(url, self._origin):
            return await self._own.post_form(url, fields, timeout_s=timeout_s)
        checked = self._guard.check_url(url, WEBHOOK).url
        return await self._guarded.post_form(checked, fields, timeout_s=timeout_s)

    async def aclose(self) -> None:
        """Close the connections to strangers' endpoints."""
        await self._guarded.aclose()


class SecretCheck:
    """Says whether a service account could be used."""

    def __init__(self, guard: Guard, settings: Fcm) -> None:
        self._guard = guard
        self._settings = settings

    def __call__(self, secret: Secret, environment: Environment, *, now: datetime) -> None:
        """Let a credential pass; raises InvalidRequest naming every problem."""
        check_secret(secret, environment, now=now)
        if not isinstance(secret, FcmCredential):
            return
        if _is_at(secret.token_uri, origin_of(self._settings)):
            return
        try:
            self._guard.check_url(secret.token_uri, WEBHOOK)
        except UrlRefused as error:
            problem = Problem(("token_uri",), ProblemKind.NOT_ALLOWED, error.expected)
            raise InvalidRequest([problem]) from None


def _is_at(url: str, origin: Origin) -> bool:
    try:
        parts = urlsplit(url)
        place = (parts.hostname, parts.port or _HTTPS_PORT)
    except ValueError:
        return False
    return parts.scheme == "https" and place == (origin.host, origin.port)

"""Fetches the JWK Sets of customers' issuers. Satisfies `core.issuer_store.KeySets`.

The URL is a customer's, so that everything goes through the guard.
Source: docs/decisions/0020-outgoing-urls.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind, Unavailable
from heliograph.outbound.guard import HTTPS, UrlRefused
from heliograph.outbound.http1 import Http1Client, OutboundError
from heliograph.outbound.tls import shared_client_tls

if TYPE_CHECKING:
    import ssl

    from heliograph.outbound.guard import Guard

MAX_BODY_BYTES: Final = 262_144
TIMEOUT_S: Final = 5.0
"""Somebody waits for the answer meanwhile."""

_OK: Final = 200


class HttpKeySets:
    """Gets documents from issuers. tls: what to trust; None means the system's authorities."""

    def __init__(self, guard: Guard, tls: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._client = Http1Client(
            tls or shared_client_tls(), guard=guard, max_body_bytes=MAX_BODY_BYTES
        )

    def check_url(self, url: str) -> str:
        """Let a URL pass that may be fetched, in its one form; raises InvalidRequest."""
        try:
            return self._guard.check_url(url, HTTPS).url
        except UrlRefused as error:
            problem = Problem(("jwks_url",), ProblemKind.NOT_ALLOWED, error.expected)
            raise InvalidRequest([problem]) from error

    async def fetch(self, url: str) -> bytes:
        """Fetch a document, within a deadline; raises Unavailable."""
        try:
            # Again: the networks that are open may be others than when it was stored.
            target = self._guard.check_url(url, HTTPS).url
            headers = {"accept": "application/jwk-set+json, application/json"}
            reply = await self._client.request("GET", target, headers=headers, timeout_s=TIMEOUT_S)
        except (UrlRefused, OutboundError) as error:
            raise Unavailable("issuer's keys") from error
        if reply.status != _OK:
            raise Unavailable("issuer's keys")
        return reply.body

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

"""Calls of customers' endpoints over guarded HTTP/1.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.stores.webhooks import PostAnswer
from heliograph.outbound.guard import PLAIN_OR_TLS, WEBHOOK, Refusal, UrlRefused
from heliograph.outbound.http1 import Http1Client, OutboundError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from heliograph.outbound.guard import Guard


class GuardedPosts:
    """Calls endpoints; connections open at the first call."""

    def __init__(self, guard: Guard, tls: ssl.SSLContext, *, timeout_s: float) -> None:
        self._guard = guard
        self._timeout_s = timeout_s
        self._http = Http1Client(tls, guard=guard)

    def check_url(self, url: str, *, allows_http: bool) -> str:
        """Let a URL pass that may be called, in its one form; raises InvalidRequest."""
        try:
            return self._guard.check_url(url, PLAIN_OR_TLS if allows_http else WEBHOOK).url
        except UrlRefused as refused:
            is_malformed = refused.refusal is Refusal.MALFORMED
            kind = ProblemKind.MALFORMED if is_malformed else ProblemKind.NOT_ALLOWED
            raise InvalidRequest([Problem(("url",), kind, refused.expected)]) from refused

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> PostAnswer:
        """Call an endpoint. Never raises; the answer's body is not waited for."""
        try:
            # Once more: what was fine when it was stored may not be by today's settings.
            checked = self.check_url(url, allows_http=True)
            reply = await self._http.request(
                "POST",
                checked,
                headers=headers,
                body=body,
                timeout_s=self._timeout_s,
                keeps_body=False,
            )
        except InvalidRequest:
            return PostAnswer(None, "the URL may not be called")
        except OutboundError as error:
            return PostAnswer(None, error.detail)
        return PostAnswer(reply.status, retry_after=reply.headers.get("retry-after"))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

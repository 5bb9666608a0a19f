"""Plain HTTP for the few calls that are not pushes, such as OAuth token endpoints."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import aiohttp
from yarl import URL

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from heliograph.outbound.guard import Guard

_MAX_BODY_BYTES: Final = 1_048_576
_CHUNK_BYTES: Final = 65_536
_SKIPPED_BYTES: Final = 4096
_SKIPPING_S: Final = 1.0


class OutboundError(Exception):
    """No usable reply came; `detail` is for operators and holds no credential.

    is_unprocessed: True when no connection was made, so that nothing was sent.
    """

    def __init__(self, detail: str, *, is_unprocessed: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.is_unprocessed = is_unprocessed


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A complete reply, whatever its status; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http1Client:
    """Makes single requests; follows no redirect, keeps no cookie, reads no environment.

    tls: what to trust. guard: for URLs that strangers supply; then every
    connection goes to an address it lets pass. Connections open at the first
    request.
    """

    def __init__(
        self,
        tls: ssl.SSLContext,
        *,
        guard: Guard | None = None,
        max_body_bytes: int = _MAX_BODY_BYTES,
    ) -> None:
        self._tls = tls
        self._guard = guard
        self._max_body_bytes = max_body_bytes
        self._session: aiohttp.ClientSession | None = None

    async def post_form(
        self, url: str, fields: Mapping[str, str], *, timeout_s: float = 10.0
    ) -> HttpReply:
        """Post form fields; raises OutboundError when no reply came."""
        body = urlencode(fields).encode("ascii")
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return await self.request("POST", url, headers=headers, body=body, timeout_s=timeout_s)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_s: float = 10.0,
        keeps_body: bool = True,
    ) -> HttpReply:
        """Make one request within `timeout_s`; raises OutboundError when no reply came.

        keeps_body: False answers no body, and waits for none that is long or slow.
        """
        session = self._open_session()
        # A URL that the guard let pass is spelled already; spelling it anew would change
        # tokens in it that are not ours to read.
        target = url if self._guard is None else URL(url, encoded=True)
        try:
            async with (
                asyncio.timeout(timeout_s),
                session.request(
                    method, target, headers=headers, data=body or None, allow_redirects=False
                ) as response,
            ):
                content = await (self._read(response) if keeps_body else _skip(response))
        except TimeoutError as error:
            raise OutboundError("no reply in time") from error
        except aiohttp.ClientConnectorError as error:
            raise OutboundError(f"cannot connect: {error}", is_unprocessed=True) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The name alone: some of these messages quote the URL with its query.
            raise OutboundError(type(error).__name__) from error
        received = {name.lower(): value for name, value in response.headers.items()}
        return HttpReply(response.status, received, content)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session

    def _connector(self) -> aiohttp.TCPConnector:
        if self._guard is None:
            return aiohttp.TCPConnector(ssl=self._tls)
        return aiohttp.TCPConnector(
            ssl=self._tls,
            resolver=self._guard.resolver(),
            socket_factory=self._guard.make_socket,
            use_dns_cache=False,
            # One stranger's slow host must not keep others' calls waiting for a place.
            limit=0,
        )

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            content += chunk
            if len(content) > self._max_body_bytes:
                raise OutboundError("the reply is over the size limit")
        return bytes(content)


async def _skip(response: aiohttp.ClientResponse) -> bytes:
    """Read past a short body, so that the connection can be used again; cut off any other."""
    try:
        async with asyncio.timeout(_SKIPPING_S):
            await response.content.read(_SKIPPED_BYTES)
            if response.content.at_eof() or not await response.content.read(1):
                return b""
    except (TimeoutError, aiohttp.ClientError):
        pass
    response.close()
    return b""

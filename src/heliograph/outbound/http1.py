"""Plain HTTP for the few calls that are not pushes, such as OAuth token endpoints."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import aiohttp

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from aiohttp.abc import AbstractResolver

_MAX_BODY_BYTES: Final = 1_048_576
_CHUNK_BYTES: Final = 65_536


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

    tls: what to trust. resolver: how names become addresses, the place for a
    guard against internal ones. Connections open at the first request.
    """

    def __init__(
        self,
        tls: ssl.SSLContext,
        *,
        resolver: AbstractResolver | None = None,
        max_body_bytes: int = _MAX_BODY_BYTES,
    ) -> None:
        self._tls = tls
        self._resolver = resolver
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
    ) -> HttpReply:
        """Make one request within `timeout_s`; raises OutboundError when no reply came."""
        session = self._open_session()
        try:
            async with (
                asyncio.timeout(timeout_s),
                session.request(
                    method, url, headers=headers, data=body or None, allow_redirects=False
                ) as response,
            ):
                content = await self._read(response)
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
                connector=aiohttp.TCPConnector(ssl=self._tls, resolver=self._resolver),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            content += chunk
            if len(content) > self._max_body_bytes:
                raise OutboundError("the reply is over the size limit")
        return bytes(content)

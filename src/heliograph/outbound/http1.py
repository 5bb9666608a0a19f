"""Plain HTTP for the few calls that are not pushes, such as OAuth token endpoints."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlencode

import aiohttp
from yarl import URL

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from heliograph.outbound.guard import Guard
    from heliograph.outbound.http2.proxy import Proxy

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
    """Makes single requests, each once; follows no redirect, keeps no cookie, reads no environment.

    tls: what to trust. guard: for URLs that strangers supply; then every
    connection goes to an address it lets pass, through its proxy if it has
    one. proxy: for URLs of the operator's own. Connections open at the first
    request.
    """

    def __init__(
        self,
        tls: ssl.SSLContext,
        *,
        guard: Guard | None = None,
        proxy: Proxy | None = None,
        max_body_bytes: int = _MAX_BODY_BYTES,
    ) -> None:
        self._tls = tls
        self._guard = guard
        self._proxy = proxy if guard is None else guard.proxy
        self._max_body_bytes = max_body_bytes
        # By whether it leads through the proxy: what a guard checks there is the far end.
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

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
        try:
            async with asyncio.timeout(timeout_s):
                way = await self._way_to(url)
                async with self._open_session(through_proxy=bool(way.options)).request(
                    method,
                    way.target,
                    headers={**(headers or {}), **way.headers},
                    data=body or None,
                    allow_redirects=False,
                    **way.options,
                ) as response:
                    content = await (self._read(response) if keeps_body else _skip(response))
        except TimeoutError as error:
            raise OutboundError("no reply in time") from error
        except aiohttp.ClientHttpProxyError as error:
            said = f"cannot connect: the proxy answered {error.status}"
            raise OutboundError(said, is_unprocessed=True) from error
        except aiohttp.ClientProxyConnectionError as error:
            # Where it is concerns the operator alone.
            said = "cannot connect: the proxy can't be reached"
            raise OutboundError(said, is_unprocessed=True) from error
        except aiohttp.ClientConnectorError as error:
            raise OutboundError(f"cannot connect: {error}", is_unprocessed=True) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The name alone: some of these messages quote the URL with its query.
            raise OutboundError(type(error).__name__) from error
        received = {name.lower(): value for name, value in response.headers.items()}
        return HttpReply(response.status, received, content)

    async def aclose(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def _way_to(self, url: str) -> _Way:
        """Say by which way a URL is reached; raises OutboundError where it may not be."""
        if self._guard is None:
            return _Way(url) if self._proxy is None else _Way(url, {}, _options(self._proxy))
        # A URL that the guard let pass is spelled already; spelling it anew would change
        # tokens in it that are not ours to read.
        target = URL(url, encoded=True)
        if self._proxy is None:
            return _Way(target)
        host = target.host or ""
        try:
            address = await self._guard.beyond_proxy(host, target.port or 0)
        except OSError as error:
            said = error.strerror or type(error).__name__
            raise OutboundError(f"cannot connect: {said}", is_unprocessed=True) from error
        if address is None:
            return _Way(target)
        if address == host or target.scheme != "https":
            # Without TLS the proxy reads the request, and takes the name from its URL.
            return _Way(target, {}, _options(self._proxy))
        return _Way(
            target.with_host(address),
            {"host": target.authority},
            {**_options(self._proxy), "server_hostname": host},
        )

    def _open_session(self, *, through_proxy: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(through_proxy)
        if session is None:
            session = self._sessions[through_proxy] = aiohttp.ClientSession(
                connector=self._connector(through_proxy=through_proxy),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                # A stranger's few kilobytes could become many megabytes of ours.
                auto_decompress=False,
                headers={"accept-encoding": "identity"},
            )
            # It would repeat a GET whose answer was lost. To an SMS gateway that is a second
            # message, and what is repeated is the engine's to say. There is no public switch.
            session._retry_connection = False  # noqa: SLF001 - as aiohttp's own test client does
        return session

    def _connector(self, *, through_proxy: bool) -> aiohttp.TCPConnector:
        if self._guard is None:
            return aiohttp.TCPConnector(ssl=self._tls)
        if through_proxy:
            # The only address it connects to is the proxy's, which the operator chose.
            return aiohttp.TCPConnector(ssl=self._tls, limit=0)
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


class _Way(NamedTuple):
    """How a URL is reached. headers, options: of the request, beside the caller's."""

    target: str | URL
    headers: Mapping[str, str] = {}
    options: Mapping[str, Any] = {}


def _options(proxy: Proxy) -> dict[str, Any]:
    options: dict[str, Any] = {"proxy": proxy.url}
    if proxy.authorization:
        options["proxy_headers"] = {"Proxy-Authorization": proxy.authorization.decode("ascii")}
    return options


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

"""Ways to the push services: HTTP/2 where a service offers it, otherwise HTTP/1.1.

Every connection is the guard's: it goes to an address that the guard let pass.
A token is in each request, so that all applications share a service's connections.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, cast

from heliograph.outbound.http1 import Http1Client, OutboundError
from heliograph.outbound.http2.messages import Lost, Reply
from heliograph.outbound.http2.pool import SenderPool
from heliograph.outbound.http2.sender import Http2Sender
from heliograph.outbound.tls import EITHER, broad_client_tls
from heliograph.providers.webpush.rests import Rests

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from heliograph.core.ports import Clock
    from heliograph.core.right_of_way import RightOfWay
    from heliograph.outbound.guard import Guard
    from heliograph.outbound.http2.messages import Headers, Request
    from heliograph.outbound.http2.sender import Origin

MAX_PLAIN_REQUESTS: Final = 32
"""Requests under way at one push service that speaks no HTTP/2."""

ASK_AGAIN_S: Final = 3600.0
"""How long a push service without HTTP/2 is not asked for it again."""

MAX_PLAIN_ORIGINS: Final = 1000

_KEY: Final = b"webpush"


class NoHttp2(OSError):
    """The push service agreed to something else."""

    def __init__(self) -> None:
        super().__init__("the push service does not offer HTTP/2")


class Lines:
    """Sends requests to push services."""

    def __init__(
        self,
        guard: Guard,
        clock: Clock,
        *,
        ca_file: Path | None,
        timeout_s: float,
        way: RightOfWay | None = None,
    ) -> None:
        """Read the trusted authorities; raises OSError for a file that can't be read."""
        self._guard = guard
        self._clock = clock
        self._timeout_s = timeout_s
        self.rests = Rests(clock)
        # A fake's or a proxy's authority counts beside the system's: push services are many.
        either, plain = broad_client_tls(ca_file, EITHER), broad_client_tls(ca_file)
        self._senders = SenderPool(
            lambda origin: Http2Sender(origin, either, dial=self._dial, way=way)
        )
        self._client = Http1Client(plain, guard=guard)
        self._plain: OrderedDict[tuple[str, int], tuple[float, asyncio.Semaphore]] = OrderedDict()

    @property
    def is_closed(self) -> bool:
        """Whether nothing is sent any more."""
        return self._senders.is_closed

    async def send(
        self, origin: Origin, headers: Headers, requests: Sequence[Request]
    ) -> list[Reply | Lost]:
        """Send requests; one result each, in their order. A service that is away is left alone."""
        away = self.rests.of(origin)
        if away is not None:
            return [away] * len(requests)
        results = await self._send(origin, headers, requests)
        if results:
            self.rests.note(origin, results)
        return results

    async def _send(
        self, origin: Origin, headers: Headers, requests: Sequence[Request]
    ) -> list[Reply | Lost]:
        room = self._plain_room(origin)
        if room is not None:
            return await self._send_plainly(origin, headers, requests, room)
        with self._senders.lease(_KEY, _KEY, origin) as line:
            results = await line.sender.send(headers, requests, timeout_s=self._timeout_s)
        room = self._plain_room(origin)
        left = [place for place, result in enumerate(results) if _is_unsent(result)]
        if room is not None and left:
            # Only now known to speak no HTTP/2: nothing of these has left.
            again = await self._send_plainly(origin, headers, [requests[p] for p in left], room)
            for place, result in zip(left, again, strict=True):
                results[place] = result
        return results

    async def close(self) -> None:
        """Close every connection; what is under way is lost."""
        await self._senders.close()
        await self._client.aclose()

    async def _dial(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext,
        make_protocol: Callable[[], asyncio.BaseProtocol],
    ) -> None:
        greeter = _Greeter(make_protocol)
        await self._guard.dial(host, port, tls, lambda: greeter)
        if not greeter.is_http2:
            self._note_plain(host, port)
            raise NoHttp2

    def _note_plain(self, host: str, port: int) -> None:
        until_s = self._clock.monotonic() + ASK_AGAIN_S
        known = self._plain.pop((host, port), None)
        room = asyncio.Semaphore(MAX_PLAIN_REQUESTS) if known is None else known[1]
        self._plain[host, port] = (until_s, room)
        if len(self._plain) > MAX_PLAIN_ORIGINS:
            self._plain.popitem(last=False)

    def _plain_room(self, origin: Origin) -> asyncio.Semaphore | None:
        known = self._plain.get((origin.host, origin.port))
        if known is None or known[0] <= self._clock.monotonic():
            return None
        return known[1]

    async def _send_plainly(
        self,
        origin: Origin,
        headers: Headers,
        requests: Sequence[Request],
        room: asyncio.Semaphore,
    ) -> list[Reply | Lost]:
        shared = {name.decode(): value.decode() for name, value in headers}
        base = f"https://{origin.authority.decode('ascii')}"

        async def one(request: Request) -> Reply | Lost:
            async with room:
                return await self._send_one(base, shared, request)

        return await asyncio.gather(*map(one, requests))

    async def _send_one(self, base: str, headers: dict[str, str], request: Request) -> Reply | Lost:
        try:
            reply = await self._client.request(
                "POST",
                base + request.path.decode("ascii"),
                headers=headers,
                body=request.body,
                timeout_s=self._timeout_s,
            )
        except OutboundError as error:
            return Lost(error.is_unprocessed, error.detail)
        return Reply(reply.status, reply.headers, reply.body)


class _Greeter(asyncio.Protocol):
    """Sees what was agreed to, and hands the connection on if that is HTTP/2."""

    def __init__(self, make_protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        self._make_protocol = make_protocol
        self.is_http2 = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is None or tls.selected_alpn_protocol() != "h2":
            transport.abort()
            return
        self.is_http2 = True
        protocol = self._make_protocol()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


def _is_unsent(result: Reply | Lost) -> bool:
    return isinstance(result, Lost) and result.is_unprocessed

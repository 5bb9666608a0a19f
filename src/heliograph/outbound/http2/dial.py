"""Reaching a host: a fresh name lookup each time, IPv6 and IPv4 side by side.

Written out because uvloop's create_connection tries one address after the
other, so that a host with broken IPv6 costs its whole timeout.
Source: RFC 8305.
"""

from __future__ import annotations

import asyncio
import socket
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Sequence

_ATTEMPT_DELAY_S: Final = 0.25
_TLS_SHUTDOWN_TIMEOUT_S: Final = 1.0

AddressInfo = tuple[int, int, int, str, Any]


async def dial_tls(
    host: str, port: int, tls: ssl.SSLContext, make_protocol: Callable[[], asyncio.BaseProtocol]
) -> None:
    """Connect a new protocol to a host; returns after the TLS handshake.

    Raises OSError (which ssl's errors are) or ValueError for an impossible
    name. The caller sets the time limit.
    """
    await start_tls(await open_socket(host, port), host, tls, make_protocol)


async def start_tls(
    connected: socket.socket,
    host: str,
    tls: ssl.SSLContext,
    make_protocol: Callable[[], asyncio.BaseProtocol],
) -> None:
    """Make a protocol on a connected socket; returns after the TLS handshake."""
    await asyncio.get_running_loop().create_connection(
        make_protocol,
        sock=connected,
        ssl=tls,
        server_hostname=host,
        ssl_shutdown_timeout=_TLS_SHUTDOWN_TIMEOUT_S,
    )


async def look_up(host: str, port: int) -> Sequence[AddressInfo]:
    """Ask the system's resolver; raises OSError."""
    loop = asyncio.get_running_loop()
    found: Sequence[AddressInfo] = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return found


async def open_socket(
    host: str,
    port: int,
    resolve: Callable[[str, int], Awaitable[Sequence[AddressInfo]]] = look_up,
) -> socket.socket:
    """Return a connected socket: the first that answers, started 250 ms apart.

    resolve: host and port to addresses; the ones it answers are connected to.
    """
    loop = asyncio.get_running_loop()
    addresses = interleave(await resolve(host, port))
    attempts: set[asyncio.Task[socket.socket]] = set()
    error: BaseException = OSError(f"no address for {host}")
    try:
        while addresses or attempts:
            if addresses:
                attempts.add(loop.create_task(_attempt(addresses.pop(0))))
            done, attempts = await asyncio.wait(
                attempts,
                timeout=_ATTEMPT_DELAY_S if addresses else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in done:
                if (failure := attempt.exception()) is None:
                    attempts |= done - {attempt}
                    return attempt.result()
                error = failure
        raise error
    finally:
        await _discard(attempts)


def interleave(addresses: Sequence[AddressInfo]) -> list[AddressInfo]:
    """Sort addresses so that the families take turns, the resolver's first choice first."""
    first_family = addresses[0][0] if addresses else 0
    first = [address for address in addresses if address[0] == first_family]
    others = [address for address in addresses if address[0] != first_family]
    pairs = chain.from_iterable(zip_longest(first, others))
    return [address for address in pairs if address is not None]


async def _attempt(address: AddressInfo) -> socket.socket:
    family, kind, protocol, _, target = address
    candidate = socket.socket(family, kind, protocol)
    try:
        candidate.setblocking(False)  # noqa: FBT003 - the standard library's own spelling
        candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(candidate, target)
    except BaseException:
        candidate.close()
        raise
    return candidate


async def _discard(attempts: set[asyncio.Task[socket.socket]]) -> None:
    """End the attempts that lost the race; one may have connected meanwhile."""
    for attempt in attempts:
        attempt.cancel()
    for outcome in await asyncio.gather(*attempts, return_exceptions=True):
        if isinstance(outcome, socket.socket):
            outcome.close()

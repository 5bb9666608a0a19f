"""Reaching a host through an HTTP proxy that opens a tunnel.

Source: RFC 9110, section 9.3.6.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from heliograph.outbound.http2.dial import open_socket, start_tls
from heliograph.outbound.http2.origin import Origin

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

_LARGEST_ANSWER_BYTES: Final = 16_384
_END: Final = b"\r\n\r\n"
_is_agreement: Final = re.compile(rb"HTTP/1\.[01] 2[0-9][0-9](?: |\r\n)").match
_status_line: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3})")


class ProxyError(OSError):
    """The proxy does not open a tunnel."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. authorization: the value of `proxy-authorization`, or nothing; secret."""

    host: str
    port: int
    authorization: bytes = field(default=b"", repr=False)

    @property
    def url(self) -> str:
        """Where it is, without its password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @classmethod
    def from_url(cls, url: str) -> Proxy:
        """Read `http://[user:password@]host:port`; raises ValueError for anything else."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.port is None:
            raise ValueError("a proxy is http://host:port")
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise ValueError("a proxy's URL ends with its port")
        if parts.username is None:
            return cls(parts.hostname, parts.port)
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return cls(parts.hostname, parts.port, b"Basic " + b64encode(pair.encode()))

    async def dial(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext,
        make_protocol: Callable[[], asyncio.BaseProtocol],
    ) -> None:
        """Connect a new protocol to a host through the proxy; give this to a sender as `dial`.

        The proxy looks the host's name up. Raises OSError, of which ProxyError
        is one, or ValueError. The caller sets the time limit.
        """
        await start_tls(await self.connect(host, port), host, tls, make_protocol)

    async def connect(self, host: str, port: int) -> socket.socket:
        """Return a socket whose other end is a host beyond the proxy; raises as `dial`."""
        connected = await open_socket(self.host, self.port)
        try:
            await self._open_tunnel(connected, host, port)
        except BaseException:
            connected.close()
            raise
        return connected

    async def _open_tunnel(self, connected: socket.socket, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        # The port is named even where it is 443: RFC 9110 wants it in CONNECT.
        bare = Origin(host).authority
        target = b"%b:%d" % (bare, port)
        lines = [b"CONNECT %b HTTP/1.1" % target, b"Host: " + target]
        if self.authorization:
            lines.append(b"Proxy-Authorization: " + self.authorization)
        await loop.sock_sendall(connected, b"\r\n".join(lines) + _END)
        answer = b""
        while _END not in answer:
            received = await loop.sock_recv(connected, _LARGEST_ANSWER_BYTES)
            if not received:
                raise ProxyError("the proxy closed the connection")
            answer += received
            if len(answer) > _LARGEST_ANSWER_BYTES:
                raise ProxyError("the proxy's answer does not end")
        if not _is_agreement(answer):
            status = _status_line.match(answer)
            code = status[1].decode() if status else "nonsense"
            raise ProxyError(f"the proxy answered {code}")
        if not answer.endswith(_END):
            # In TLS and in SMPP we speak first: whoever sent this is not the host.
            raise ProxyError("the proxy sent more than its answer")

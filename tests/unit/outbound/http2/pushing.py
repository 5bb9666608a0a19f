"""What the tests of the sender share."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from heliograph.outbound.http2 import Http2Sender
from heliograph.outbound.http2.messages import Lost, Reply, Request
from heliograph.outbound.http2.sender import Origin
from heliograph.outbound.http2.settings import SenderSettings

if TYPE_CHECKING:
    from heliograph.core.right_of_way import RightOfWay

_TLS = ssl.create_default_context()

SHARED = ((b"authorization", b"bearer secret"),)


def pushes(count: int, body: bytes = b"{}") -> list[Request]:
    return [Request(b"/3/device/%d" % n, body, ((b"apns-id", b"%d" % n),)) for n in range(count)]


def sender_to(dial: Any, *, way: RightOfWay | None = None, **settings: Any) -> Http2Sender:
    """Make a sender with one connection at a time, unless the settings say otherwise."""
    chosen = SenderSettings(**{"max_connections": 1, **settings})
    return Http2Sender(Origin("push.test"), _TLS, settings=chosen, dial=dial, way=way)


def ids(results: list[Reply | Lost]) -> list[str]:
    return [result.headers["apns-id"] for result in results if isinstance(result, Reply)]


def never(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
    """Leave a request unanswered."""

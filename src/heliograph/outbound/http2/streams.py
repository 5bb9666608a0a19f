"""One request on its way through a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heliograph.outbound.http2.messages import Lost, Reply
    from heliograph.outbound.http2.windows import ReceiveWindow


class Sink(Protocol):
    """Where the results of requests go; each index gets exactly one."""

    def settle(self, index: int, result: Reply | Lost) -> None:
        """Take the result of one request. It must not touch the session that calls it."""
        ...


class Stream:
    """The state of one open stream."""

    __slots__ = (
        "body_parts",
        "body_size",
        "headers",
        "id",
        "index",
        "receive_window",
        "send_window",
        "sink",
        "status",
        "unsent",
    )

    def __init__(self, stream_id: int, sink: Sink, index: int) -> None:
        self.id = stream_id
        self.sink = sink
        self.index = index
        self.unsent = b""  # the rest of the request's body
        self.send_window = 0  # counts only while something is unsent
        self.status = 0  # 0: no final reply headers yet
        self.headers: Mapping[str, str] = {}
        self.body_parts: list[bytes] = []
        self.body_size = 0
        self.receive_window: ReceiveWindow | None = None  # made for replies with a body

"""Requests on their way through a connection."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Protocol

from heliograph.outbound.http2.frames import LARGEST_STREAM_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from heliograph.outbound.http2.messages import Headers, Lost, Reply, Request
    from heliograph.outbound.http2.windows import ReceiveWindow


class Sink(Protocol):
    """Requests of one kind, and where their results go; each index gets exactly one.

    Neither method may touch the session that calls it.
    """

    requests: Sequence[Request]
    shared: Headers
    method: bytes

    def settle(self, index: int, result: Reply | Lost) -> None:
        """Take the result of one request."""
        ...

    def send_again(self, index: int, lost: Lost, *, is_refusal: bool) -> None:
        """Take back a request that the server certainly did not process.

        is_refusal: the server refused this very request, so that it may do so again.
        """
        ...


Waiter = tuple[Sink, int]
"""Who waits for a reply: a sink, and the request's index in it."""


class Stream:
    """A stream that is half way: a part of the body is unsent, or a part of the reply came."""

    __slots__ = (
        "body_parts",
        "body_size",
        "headers",
        "id",
        "receive_window",
        "send_window",
        "status",
        "unsent",
        "waiter",
    )

    def __init__(self, stream_id: int, waiter: Waiter) -> None:
        self.id = stream_id
        self.waiter = waiter
        self.unsent = b""  # the rest of the request's body
        self.send_window = 0  # counts only while something is unsent
        self.status = 0  # 0: no final reply headers yet
        self.headers: Mapping[str, str] | bytes = b""
        self.body_parts: list[bytes] = []
        self.body_size = 0
        self.receive_window: ReceiveWindow | None = None  # made for replies with a body


class StreamTable:
    """The open streams of a connection.

    whole: those of which everything was sent and nothing was heard. heard:
    those of which the reply's headers came since, status and block, and its body
    did not. Neither has an object of its own: nearly all pushes never need one.
    """

    def __init__(self) -> None:
        self.whole: dict[int, Waiter] = {}
        self.heard: dict[int, tuple[Waiter, int, bytes]] = {}
        self.next_id = 1
        self._halfway: dict[int, Stream] = {}

    def __len__(self) -> int:
        return len(self.whole) + len(self.heard) + len(self._halfway)

    @property
    def ids_left(self) -> int:
        """How many more streams this connection can have."""
        return (LARGEST_STREAM_ID - self.next_id) // 2 + 1

    def add_run(self, sink: Sink, indexes: Sequence[int]) -> None:
        """Note requests that were sent as a whole, on consecutive streams."""
        first = self.next_id
        self.next_id = first + 2 * len(indexes)
        ids = range(first, self.next_id, 2)
        self.whole.update(zip(ids, zip(repeat(sink), indexes), strict=False))

    def add(self, waiter: Waiter) -> Stream:
        """Open one stream."""
        stream = self._halfway[self.next_id] = Stream(self.next_id, waiter)
        self.next_id += 2
        return stream

    def find(self, stream_id: int) -> Stream | None:
        """Return an open stream, or None."""
        stream = self._halfway.get(stream_id)
        if stream is not None:
            return stream
        if stream_id in self.heard:
            waiter, status, block = self.heard.pop(stream_id)
        elif stream_id in self.whole:
            waiter, status, block = self.whole.pop(stream_id), 0, b""
        else:
            return None
        stream = self._halfway[stream_id] = Stream(stream_id, waiter)
        stream.status, stream.headers = status, block
        return stream

    def drop(self, stream: Stream) -> None:
        """Close a stream that `find` or `add` returned."""
        del self._halfway[stream.id]

    def of(self, sink: Sink, ids: Iterable[int]) -> list[Stream]:
        """Return those of the streams that are open and belong to a sink."""
        found = [stream for each in ids if (stream := self.find(each)) is not None]
        return [stream for stream in found if stream.waiter[0] is sink]

    def drain(self, *, above: int = 0) -> list[Stream]:
        """Close and return all streams above an id, oldest first."""
        every = (*self.whole, *self.heard, *self._halfway)
        ids = sorted(each for each in every if each > above)
        drained = [stream for each in ids if (stream := self.find(each)) is not None]
        for stream in drained:
            self.drop(stream)
        return drained

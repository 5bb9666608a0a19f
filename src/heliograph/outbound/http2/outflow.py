"""What leaves a connection: the output queue, and request bodies within the peer's windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frames import Flag, FrameType, ProtocolError, Setting, StreamError
from heliograph.outbound.http2.header_block import HeaderEncoder, field_size, literal_opening
from heliograph.outbound.http2.settings import PeerSettings
from heliograph.outbound.http2.windows import widened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from heliograph.outbound.http2.messages import Headers, Request
    from heliograph.outbound.http2.streams import Sink, Stream

LARGEST_WRITE_BYTES: Final = 262_144
"""Requests stop joining a write at this size, so that one turn of the loop stays short."""

_PSEUDO_HEADERS_SIZE: Final = 4 * 64  # names, method, scheme and overheads, rounded up


class Outflow:
    """Queues frames and keeps to the peer's settings and windows."""

    def __init__(self, authority: bytes) -> None:
        self.peer = PeerSettings()
        self.window = frames.DEFAULT_WINDOW_SIZE  # of the connection
        self.queue: list[bytes] = []
        self._queued_bytes = 0  # by requests alone
        self._authority = authority
        self._encoder = HeaderEncoder(authority)
        self._waiting: dict[int, Stream] = {}  # streams whose body waits for a window

    @property
    def is_full(self) -> bool:
        """Whether the next write is large enough."""
        return self._queued_bytes >= LARGEST_WRITE_BYTES

    def take(self) -> bytes:
        """Hand over everything that is queued, as one piece."""
        output = b"".join(self.queue)
        self.queue.clear()
        self._queued_bytes = 0
        return output

    def drop(self) -> None:
        """Forget what is queued."""
        self.queue.clear()
        self._queued_bytes = 0

    def is_too_large(self, request: Request, shared: Headers) -> bool:
        """Say whether the peer announced that it takes no header list of this size."""
        limit = self.peer.max_header_list_size
        if limit > frames.LARGEST_MAX_FRAME_SIZE:
            return False
        size = _PSEUDO_HEADERS_SIZE + len(self._authority) + len(request.path)
        return size + sum(field_size(*field) for field in (*shared, *request.headers)) > limit

    def open_run(self, sink: Sink, indexes: Sequence[int], first_id: int) -> int:
        """Queue requests that go out whole, on consecutive streams; return how many.

        It stops at the first that needs more care: one of a kind that the peer
        has not seen, one with several headers of its own or without a body,
        one that a window or a limit holds up. `open` knows what to do with it.
        """
        form = self._encoder.short_form(sink.method, sink.shared)
        if form is None:
            return 0
        before, after = form
        frame_size = self.peer.max_frame_size
        largest_body = min(self.peer.initial_window_size, frame_size)
        requests, window, stream_id = sink.requests, self.window, first_id
        room_bytes = LARGEST_WRITE_BYTES - self._queued_bytes
        extend = self.queue.extend
        path_size = value_size = body_size = head_size = -1
        name: bytes | None = None
        head = opening = middle = body_head = own_name = value = b""
        for index in indexes:
            path, body, own = requests[index]
            # This loop is the price of a push. Whatever is the same as in the
            # request before, and in a page that is nearly everything, is kept.
            if len(body) != body_size:
                body_size = len(body)
                if not body_size or body_size > largest_body:
                    break
                body_head = _opening(body_size, FrameType.DATA, Flag.END_STREAM)
            if own:
                if len(own) > 1:
                    break
                own_name, value = own[0]
            else:
                own_name = value = b""
            if len(path) != path_size or len(value) != value_size or own_name != name:
                name, path_size, value_size = own_name, len(path), len(value)
                opening = before + literal_opening(b":path", path_size)
                middle = after + literal_opening(name, value_size) if own else after
                head_size = len(opening) + path_size + len(middle) + value_size
                if head_size > frame_size or self.is_too_large(requests[index], sink.shared):
                    break
                head = _opening(head_size, FrameType.HEADERS, Flag.END_HEADERS)
            if body_size > window or room_bytes <= 0:
                break
            window -= body_size
            room_bytes -= head_size + body_size
            id_bytes = stream_id.to_bytes(4, "big")
            extend((head, id_bytes, opening, path, middle, value, body_head, id_bytes, body))
            stream_id += 2
        self.window = window
        self._queued_bytes = LARGEST_WRITE_BYTES - room_bytes
        return (stream_id - first_id) >> 1

    def open(self, stream: Stream, request: Request, shared: Headers, method: bytes) -> None:
        """Queue the headers of a request and what the windows let through of its body."""
        body = request.body
        block = self._encoder.encode(method, request.path, shared, request.headers)
        self._queued_bytes += len(block)
        self.queue.append(
            frames.header_frames(
                stream.id,
                block,
                end_stream=not body,
                max_frame_size=self.peer.max_frame_size,
            )
        )
        if body:
            stream.unsent = body
            stream.send_window = self.peer.initial_window_size
            self._send_body(stream)

    def forget(self, stream: Stream) -> None:
        """Send nothing more of a stream's body."""
        self._waiting.pop(stream.id, None)

    def change_settings(self, values: Iterable[tuple[int, int]]) -> None:
        """Obey a SETTINGS frame and acknowledge it; raises ProtocolError for a broken one."""
        peer = self.peer
        old_window = peer.initial_window_size
        for key, value in values:
            peer.change(key, value)
            if key == Setting.HEADER_TABLE_SIZE:
                self._encoder.change_table_limit(value)
        change = peer.initial_window_size - old_window
        # Streams that have sent everything need no window any more.
        for stream in self._waiting.values():
            stream.send_window = widened(stream.send_window, change)
        self.queue.append(frames.settings_ack_frame())
        self._send_waiting()

    def widen(self, increment: int) -> None:
        """Take a WINDOW_UPDATE of the connection; raises ProtocolError on overflow."""
        self.window = widened(self.window, increment)
        if self._waiting:
            self._send_waiting()

    def widen_stream(self, stream: Stream, increment: int) -> None:
        """Take a WINDOW_UPDATE of a stream; raises StreamError on overflow."""
        if not stream.unsent:
            return
        try:
            stream.send_window = widened(stream.send_window, increment)
        except ProtocolError as error:
            raise StreamError(stream.id, error.code, error.detail) from error
        self._send_body(stream)

    def _send_waiting(self) -> None:
        for stream in [*self._waiting.values()]:
            self._send_body(stream)

    def _send_body(self, stream: Stream) -> None:
        """Queue as much of a body as both windows allow."""
        unsent = stream.unsent
        while unsent:
            size = min(self.window, stream.send_window, self.peer.max_frame_size)
            if size <= 0:
                stream.unsent = unsent
                self._waiting[stream.id] = stream
                return
            part, unsent = unsent[:size], unsent[size:]
            self.window -= len(part)
            stream.send_window -= len(part)
            self._queued_bytes += len(part)
            self.queue.append(frames.data_frame(stream.id, part, end_stream=not unsent))
        stream.unsent = b""
        self._waiting.pop(stream.id, None)


def _opening(size: int, frame_type: int, flags: int) -> bytes:
    """Build a frame header up to its stream id."""
    return (size << 16 | frame_type << 8 | flags).to_bytes(5, "big")

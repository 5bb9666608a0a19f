"""What leaves a connection: the output queue, and request bodies within the peer's windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frames import ProtocolError, Setting, StreamError
from heliograph.outbound.http2.header_block import HeaderEncoder, field_size
from heliograph.outbound.http2.settings import PeerSettings
from heliograph.outbound.http2.windows import widened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from heliograph.outbound.http2.messages import Headers, Request
    from heliograph.outbound.http2.streams import Stream

_PSEUDO_HEADERS_SIZE: Final = 4 * 64  # names, method, scheme and overheads, rounded up


class Outflow:
    """Queues frames and keeps to the peer's settings and windows."""

    def __init__(self, authority: bytes) -> None:
        self.peer = PeerSettings()
        self.window = frames.DEFAULT_WINDOW_SIZE  # of the connection
        self.queue: list[bytes] = []
        self._authority = authority
        self._encoder = HeaderEncoder(authority)
        self._waiting: dict[int, Stream] = {}  # streams whose body waits for a window

    def is_too_large(self, request: Request, shared: Headers) -> bool:
        """Say whether the peer announced that it takes no header list of this size."""
        limit = self.peer.max_header_list_size
        if limit > frames.LARGEST_MAX_FRAME_SIZE:
            return False
        size = _PSEUDO_HEADERS_SIZE + len(self._authority) + len(request.path)
        return size + sum(field_size(*field) for field in (*shared, *request.headers)) > limit

    def open(self, stream: Stream, request: Request, shared: Headers, method: bytes) -> None:
        """Queue the headers of a request and what the windows let through of its body."""
        body = request.body
        block = self._encoder.encode(method, request.path, shared, request.headers)
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
        # Streams that have sent everything need no window any more.
        for stream in self._waiting.values():
            change = peer.initial_window_size - old_window
            stream.send_window = widened(stream.send_window, change)
        self.queue.append(frames.settings_ack_frame())
        self._send_waiting()

    def widen(self, increment: int) -> None:
        """Take a WINDOW_UPDATE of the connection; raises ProtocolError on overflow."""
        self.window = widened(self.window, increment)
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
            self.queue.append(frames.data_frame(stream.id, part, end_stream=not unsent))
        stream.unsent = b""
        self._waiting.pop(stream.id, None)

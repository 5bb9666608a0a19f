"""What a client does about each frame that a server sends.

Source: RFC 9113, section 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frames import (
    ErrorCode,
    Flag,
    Frame,
    FrameType,
    ProtocolError,
    Setting,
    StreamError,
)
from heliograph.outbound.http2.header_assembly import HeaderAssembly
from heliograph.outbound.http2.messages import Lost, Reply
from heliograph.outbound.http2.outflow import Outflow
from heliograph.outbound.http2.reply_headers import HeaderDecoder
from heliograph.outbound.http2.streams import StreamTable
from heliograph.outbound.http2.windows import ReceiveWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    from heliograph.outbound.http2.settings import SenderSettings
    from heliograph.outbound.http2.streams import Stream

_CONNECTION_WINDOW: Final = 16 * frames.DEFAULT_WINDOW_SIZE
_FIRST_FRAMES: Final = (
    frames.PREFACE
    + frames.settings_frame(
        (
            (Setting.HEADER_TABLE_SIZE, 0),
            (Setting.ENABLE_PUSH, 0),
            (Setting.INITIAL_WINDOW_SIZE, frames.DEFAULT_WINDOW_SIZE),
            (Setting.MAX_HEADER_LIST_SIZE, 65_536),
        )
    )
    + frames.window_update_frame(0, _CONNECTION_WINDOW - frames.DEFAULT_WINDOW_SIZE)
)
_FIRST_FINAL_STATUS: Final = 200
_ACCEPTED: Final = range(200, 300)
# A server that says a token is gone has accepted our credential.
_GONE: Final = 410


class FrameHandlers:
    """The receiving half of a session, and the state that both halves share."""

    def __init__(self, authority: bytes, settings: SenderSettings) -> None:
        self.goaway_debug = b""
        self.is_draining = False  # no new requests; those under way go on
        self.had_reply = False
        self.is_peer_ready = False  # the server's first SETTINGS came
        self.is_proven = not settings.first_request_alone  # it may have many streams
        self.pings_acknowledged = 0
        self._settings = settings
        self._decoder = HeaderDecoder()
        self._assembly: HeaderAssembly | None = None
        self._outflow = Outflow(authority)
        self._queue = self._outflow.queue.append
        self._queue(_FIRST_FRAMES)
        self._streams = StreamTable()
        self._last_processed_id = frames.LARGEST_STREAM_ID
        self._receive_window = ReceiveWindow(_CONNECTION_WINDOW)
        self._handlers: dict[int, Callable[[Frame], None]] = {
            FrameType.DATA: self._on_data,
            FrameType.HEADERS: self._on_headers,
            FrameType.PRIORITY: self._on_priority,
            FrameType.RST_STREAM: self._on_rst_stream,
            FrameType.SETTINGS: self._on_settings,
            FrameType.PUSH_PROMISE: self._on_push_promise,
            FrameType.PING: self._on_ping,
            FrameType.GOAWAY: self._on_goaway,
            FrameType.WINDOW_UPDATE: self._on_window_update,
            FrameType.CONTINUATION: self._on_continuation,
        }

    @property
    def _is_fast(self) -> bool:
        """Whether a header block stands alone and has nothing to change but its stream."""
        return (
            self._decoder.is_stateless
            and self.had_reply
            and self.is_proven
            and self._assembly is None
        )

    @property
    def _stream_limit(self) -> int:
        """How many streams may be open now."""
        if not self.is_peer_ready:
            return self._settings.streams_before_settings
        limit = min(self._settings.max_streams, self._outflow.peer.max_concurrent_streams)
        return limit if self.is_proven else min(limit, 1)

    def _dispatch(self, frame: Frame) -> None:
        if not self.is_peer_ready and (frame.type != FrameType.SETTINGS or frame.flags & Flag.ACK):
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        if self._assembly is not None and frame.type != FrameType.CONTINUATION:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a header block was interrupted")
        handler = self._handlers.get(frame.type)
        if handler is None:
            return  # Unknown frames must be ignored.
        try:
            handler(frame)
        except StreamError as error:
            stream = self._streams.find(error.stream_id)
            if stream is not None:
                lost = Lost(is_unprocessed=False, detail=f"broken reply: {error.detail}")
                self._reset(stream, error.code, lost)

    def _forget(self, stream: Stream) -> None:
        self._streams.drop(stream)
        self._outflow.forget(stream)

    def _reset(self, stream: Stream, code: ErrorCode, result: Lost) -> None:
        self._queue(frames.rst_stream_frame(stream.id, code))
        self._forget(stream)
        sink, index = stream.waiter
        sink.settle(index, result)

    def _stream(self, stream_id: int) -> Stream | None:
        """Return an open stream, or None for one that is over.

        Frames of streams that are over are let pass: they crossed our reset.
        """
        stream = self._streams.find(stream_id)
        if stream is None and (stream_id >= self._streams.next_id or not stream_id & 1):
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a frame on a stream that nobody opened")
        return stream

    # --- Replies ------------------------------------------------------------

    def _on_headers(self, frame: Frame) -> None:
        assembly = HeaderAssembly(frame)
        if assembly.is_complete:
            self._on_block(assembly.stream_id, assembly.block, is_last=assembly.is_last)
        else:
            self._assembly = assembly

    def _on_continuation(self, frame: Frame) -> None:
        assembly = self._assembly
        if assembly is None:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION of nothing")
        assembly.add(frame)
        if assembly.is_complete:
            self._assembly = None
            self._on_block(assembly.stream_id, assembly.block, is_last=assembly.is_last)

    def _on_block(self, stream_id: int, block: bytes, *, is_last: bool) -> None:
        stream = self._stream(stream_id)
        if stream is None:
            self._decoder.skip(block)
            return
        if stream.status:
            self._decoder.skip(block)
            if not is_last:
                raise StreamError(stream_id, ErrorCode.PROTOCOL_ERROR, "headers inside a body")
            self._finish(stream)
            return
        status, headers = self._decoder.read(block)
        if status < _FIRST_FINAL_STATUS:
            if not status or is_last:
                raise StreamError(stream_id, ErrorCode.PROTOCOL_ERROR, "no usable status")
            return
        stream.status = status
        stream.headers = headers
        if is_last:
            self._finish(stream)

    def _on_data(self, frame: Frame) -> None:
        size = len(frame.payload)
        if not frame.stream_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "DATA on the connection")
        self._take_window(size)
        stream = self._stream(frame.stream_id)
        content = frames.unpadded(frame) if frame.flags & Flag.PADDED else frame.payload
        if stream is None:
            return
        if not stream.status:
            raise StreamError(stream.id, ErrorCode.PROTOCOL_ERROR, "a body before its headers")
        if stream.receive_window is None:
            stream.receive_window = ReceiveWindow(frames.DEFAULT_WINDOW_SIZE)
        granted = stream.receive_window.take(size)
        stream.body_size += len(content)
        if stream.body_size > self._settings.max_body_bytes:
            lost = Lost(is_unprocessed=False, detail="the reply is over the size limit")
            self._reset(stream, ErrorCode.CANCEL, lost)
            return
        if content:
            stream.body_parts.append(content)
        if frame.flags & Flag.END_STREAM:
            self._finish(stream)
        elif granted:
            self._queue(frames.window_update_frame(stream.id, granted))

    def _take_window(self, size: int) -> None:
        """Count DATA against the connection's window, and grant it again."""
        granted = self._receive_window.take(size)
        if granted:
            self._queue(frames.window_update_frame(0, granted))

    def _finish(self, stream: Stream) -> None:
        """Settle a stream whose reply is complete."""
        if stream.unsent:
            # The server answered before it had the whole body and wants no more of it.
            self._queue(frames.rst_stream_frame(stream.id, ErrorCode.CANCEL))
        self._forget(stream)
        self.had_reply = True
        if stream.status in _ACCEPTED or stream.status == _GONE:
            self.is_proven = True
        body = b"".join(stream.body_parts) if stream.body_parts else b""
        sink, index = stream.waiter
        sink.settle(index, Reply(stream.status, stream.headers, body))

    def _on_rst_stream(self, frame: Frame) -> None:
        code = frames.parse_rst_stream(frame)
        stream = self._stream(frame.stream_id)
        if stream is None:
            return
        self._forget(stream)
        sink, index = stream.waiter
        detail = f"the server reset the stream: {frames.error_name(code)}"
        if code == ErrorCode.REFUSED_STREAM:
            sink.send_again(index, Lost(is_unprocessed=True, detail=detail), is_refusal=True)
        else:
            sink.settle(index, Lost(is_unprocessed=False, detail=detail))

    # --- The connection -----------------------------------------------------

    def _on_priority(self, frame: Frame) -> None:
        if not frame.stream_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "PRIORITY on the connection")
        if len(frame.payload) != frames.PRIORITY_SIZE:
            raise StreamError(
                frame.stream_id, ErrorCode.FRAME_SIZE_ERROR, "PRIORITY of a wrong size"
            )

    def _on_push_promise(self, _frame: Frame) -> None:
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a push, though pushes are switched off")

    def _on_settings(self, frame: Frame) -> None:
        values = frames.parse_settings(frame)
        if frame.flags & Flag.ACK:
            self._decoder.forget_table()
            return
        self._outflow.change_settings(values)
        self.is_peer_ready = True

    def _on_ping(self, frame: Frame) -> None:
        payload = frames.parse_ping(frame)
        if frame.flags & Flag.ACK:
            self.pings_acknowledged += 1
        else:
            self._queue(frames.ping_frame(payload, ack=True))

    def _on_goaway(self, frame: Frame) -> None:
        goaway = frames.parse_goaway(frame)
        self.is_draining = True
        self.goaway_debug = goaway.debug or self.goaway_debug
        # A later GOAWAY may name a lower id, never a higher one.
        self._last_processed_id = min(self._last_processed_id, goaway.last_stream_id)
        name = frames.error_name(goaway.code)
        lost = Lost(
            is_unprocessed=True,
            detail=f"the server ended the connection: {name}",
            goaway_debug=self.goaway_debug,
        )
        for stream in self._streams.drain(above=self._last_processed_id):
            self._outflow.forget(stream)
            sink, index = stream.waiter
            sink.send_again(index, lost, is_refusal=False)

    def _on_window_update(self, frame: Frame) -> None:
        increment = frames.parse_window_update(frame)
        if not frame.stream_id:
            if not increment:
                raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a window update of nothing")
            self._outflow.widen(increment)
            return
        stream = self._stream(frame.stream_id)
        if stream is None:
            return
        if not increment:
            raise StreamError(stream.id, ErrorCode.PROTOCOL_ERROR, "a window update of nothing")
        self._outflow.widen_stream(stream, increment)

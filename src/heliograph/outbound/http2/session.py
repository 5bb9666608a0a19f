"""The client's side of one HTTP/2 connection, without any input or output.

Source: RFC 9113.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frames import (
    ErrorCode,
    Flag,
    Frame,
    FrameReader,
    FrameType,
    ProtocolError,
    Setting,
    StreamError,
)
from heliograph.outbound.http2.header_assembly import HeaderAssembly
from heliograph.outbound.http2.header_block import HeaderDecoder
from heliograph.outbound.http2.messages import Lost, Reply
from heliograph.outbound.http2.outflow import Outflow
from heliograph.outbound.http2.streams import Stream
from heliograph.outbound.http2.windows import ReceiveWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    from heliograph.outbound.http2.messages import Headers, Request
    from heliograph.outbound.http2.settings import SenderSettings
    from heliograph.outbound.http2.streams import Sink

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


class Session:
    """Turns requests into bytes, and bytes into replies.

    `start`, `cancel`, `receive` and the others queue frames; `take_output`
    hands them over. Results go to each request's sink while `receive`,
    `cancel` or `lose` runs. Nothing here raises for what a peer does: its
    mistakes end up in `fault`, and a GOAWAY that says so in the output.
    """

    def __init__(self, authority: bytes, settings: SenderSettings) -> None:
        self.fault = ""  # why the session ended, for operators
        self.goaway_debug = b""
        self.is_closed = False  # no more input or output but what is queued
        self.is_draining = False  # no new requests; those under way go on
        self.had_reply = False
        self.is_peer_ready = False  # the server's first SETTINGS came
        self.pings_acknowledged = 0
        self._settings = settings
        self._reader = FrameReader()
        self._decoder = HeaderDecoder()
        self._assembly: HeaderAssembly | None = None
        self._outflow = Outflow(authority)
        self._queue = self._outflow.queue.append
        self._queue(_FIRST_FRAMES)
        self._streams: dict[int, Stream] = {}
        self._next_id = 1
        self._first_unwritten_id = 1
        self._last_processed_id = frames.LARGEST_STREAM_ID
        self._receive_window = ReceiveWindow(_CONNECTION_WINDOW)
        self._stream_limit = 1 if settings.first_request_alone else settings.max_streams
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
    def has_output(self) -> bool:
        """Whether `take_output` has something to hand over."""
        return bool(self._outflow.queue)

    @property
    def backlog_frames(self) -> int:
        """How many pieces of output wait."""
        return len(self._outflow.queue)

    @property
    def open_streams(self) -> int:
        """How many requests are under way."""
        return len(self._streams)

    @property
    def room(self) -> int:
        """How many requests may be started now.

        None of them while the connection's window is used up: a request that waits
        outside can still go elsewhere, one that is half sent cannot.
        """
        if self.is_draining or not self.is_peer_ready or self._outflow.window <= 0:
            return 0
        limit = min(self._stream_limit, self._outflow.peer.max_concurrent_streams)
        return max(0, limit - len(self._streams))

    def start(
        self, sink: Sink, index: int, request: Request, shared: Headers, method: bytes
    ) -> None:
        """Queue the frames of one request; the caller respects `room`."""
        if self._outflow.is_too_large(request, shared):
            sink.settle(index, Lost(is_unprocessed=True, detail="headers over the server's limit"))
            return
        stream_id = self._next_id
        self._next_id += 2
        if self._next_id > frames.LARGEST_STREAM_ID:
            self.is_draining = True
        stream = Stream(stream_id, sink, index)
        self._streams[stream_id] = stream
        self._outflow.open(stream, request, shared, method)

    def cancel(self, sink: Sink, result: Lost) -> None:
        """Reset every stream of a sink and settle it with `result`."""
        for stream in [s for s in self._streams.values() if s.sink is sink]:
            self._reset(stream, ErrorCode.CANCEL, result)

    def ping(self) -> None:
        """Queue a PING; its answer counts up `pings_acknowledged`."""
        self._queue(frames.ping_frame(b"\0" * 8))

    def close(self) -> None:
        """Say goodbye; what is under way is lost."""
        if not self.is_closed:
            self.lose("the sender was closed")
            self._queue(frames.goaway_frame(0, ErrorCode.NO_ERROR))

    def take_output(self) -> bytes:
        """Hand over everything that is queued, as one piece."""
        output = b"".join(self._outflow.queue)
        self._outflow.queue.clear()
        self._first_unwritten_id = self._next_id
        return output

    def lose(self, reason: str) -> None:
        """End the session and settle what is under way.

        Only what never left the queue, or what the server disowned by GOAWAY
        before, is known to be unprocessed.
        """
        self.fault = self.fault or reason
        self.is_closed = self.is_draining = True
        streams = [*self._streams.values()]
        self._streams.clear()
        # What is called unprocessed must not leave after all.
        self._outflow.queue.clear()
        for stream in streams:
            is_unwritten = stream.id >= self._first_unwritten_id
            stream.sink.settle(stream.index, Lost(is_unwritten, self.fault, self.goaway_debug))

    def receive(self, received: bytes) -> None:
        """Take bytes from the peer, in any portions."""
        if self.is_closed:
            return
        try:
            for frame in self._reader.feed(received):
                self._dispatch(frame)
        except ProtocolError as error:
            self.lose(f"the server broke the protocol: {error.detail}")
            self._queue(frames.goaway_frame(0, error.code, error.detail.encode()))

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
            stream = self._streams.get(error.stream_id)
            if stream is not None:
                lost = Lost(is_unprocessed=False, detail=f"broken reply: {error.detail}")
                self._reset(stream, error.code, lost)

    def _forget(self, stream: Stream) -> None:
        del self._streams[stream.id]
        self._outflow.forget(stream)

    def _reset(self, stream: Stream, code: ErrorCode, result: Lost) -> None:
        self._queue(frames.rst_stream_frame(stream.id, code))
        self._forget(stream)
        stream.sink.settle(stream.index, result)

    # --- What we receive ----------------------------------------------------

    def _stream(self, stream_id: int) -> Stream | None:
        """Return an open stream, or None for one that is over.

        Frames of streams that are over are let pass: they crossed our reset.
        """
        stream = self._streams.get(stream_id)
        if stream is None and (stream_id >= self._next_id or not stream_id & 1):
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a frame on a stream that nobody opened")
        return stream

    def _on_headers(self, frame: Frame) -> None:
        assembly = HeaderAssembly(frame)
        if assembly.is_complete:
            self._on_block(assembly)
        else:
            self._assembly = assembly

    def _on_continuation(self, frame: Frame) -> None:
        assembly = self._assembly
        if assembly is None:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION of nothing")
        assembly.add(frame)
        if assembly.is_complete:
            self._assembly = None
            self._on_block(assembly)

    def _on_block(self, assembly: HeaderAssembly) -> None:
        stream = self._stream(assembly.stream_id)
        if stream is None:
            self._decoder.skip(assembly.block)
            return
        if stream.status:
            self._decoder.skip(assembly.block)
            if not assembly.is_last:
                raise StreamError(stream.id, ErrorCode.PROTOCOL_ERROR, "headers inside a body")
            self._finish(stream)
            return
        status, headers = self._decoder.read(assembly.block)
        if status < _FIRST_FINAL_STATUS:
            if not status or assembly.is_last:
                raise StreamError(stream.id, ErrorCode.PROTOCOL_ERROR, "no usable status")
            return
        stream.status = status
        stream.headers = headers
        if assembly.is_last:
            self._finish(stream)

    def _on_data(self, frame: Frame) -> None:
        size = len(frame.payload)
        if not frame.stream_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "DATA on the connection")
        granted = self._receive_window.take(size)
        if granted:
            self._queue(frames.window_update_frame(0, granted))
        stream = self._stream(frame.stream_id)
        content = frames.unpadded(frame)
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

    def _finish(self, stream: Stream) -> None:
        """Settle a stream whose reply is complete."""
        if stream.unsent:
            # The server answered before it had the whole body and wants no more of it.
            self._queue(frames.rst_stream_frame(stream.id, ErrorCode.CANCEL))
        self._forget(stream)
        self.had_reply = True
        if stream.status in _ACCEPTED or stream.status == _GONE:
            self._stream_limit = self._settings.max_streams
        body = b"".join(stream.body_parts) if stream.body_parts else b""
        stream.sink.settle(stream.index, Reply(stream.status, stream.headers, body))

    def _on_priority(self, frame: Frame) -> None:
        if not frame.stream_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "PRIORITY on the connection")
        if len(frame.payload) != frames.PRIORITY_SIZE:
            raise StreamError(
                frame.stream_id, ErrorCode.FRAME_SIZE_ERROR, "PRIORITY of a wrong size"
            )

    def _on_push_promise(self, _frame: Frame) -> None:
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a push, though pushes are switched off")

    def _on_rst_stream(self, frame: Frame) -> None:
        code = frames.parse_rst_stream(frame)
        stream = self._stream(frame.stream_id)
        if stream is not None:
            self._forget(stream)
            is_refused = code == ErrorCode.REFUSED_STREAM
            detail = f"the server reset the stream: {frames.error_name(code)}"
            stream.sink.settle(stream.index, Lost(is_refused, detail))

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
        for stream in [s for s in self._streams.values() if s.id > self._last_processed_id]:
            self._forget(stream)
            stream.sink.settle(stream.index, lost)

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

"""The server side of one HTTP/2 connection, in front of a fake.

Everything one chunk of input leads to, replies included, leaves in one write: that is what
lets a fake in Python keep up with a fast sender.

Source: RFC 9113.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, assert_never, cast

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frames import ErrorCode, Flag, Frame, ProtocolError, StreamError
from heliograph.outbound.http2.header_assembly import HeaderAssembly
from heliograph.simulators.exchange import (
    Answer,
    Drop,
    Fake,
    Farewell,
    Field,
    Reaction,
    Request,
    Reset,
    Silence,
)
from heliograph.simulators.header_reader import HEADER_SETTINGS, HeaderReader, check_request
from heliograph.simulators.http2_replies import ReplyWriter
from heliograph.simulators.http2_streams import CREDIT_AFTER_BYTES, Stream

# Until the peer acknowledges our SETTINGS it can't know our limit (section 6.5.3).
_STREAMS_BEFORE_ACK: Final = 100
_ABANDONED_REMEMBERED: Final = 10_000
# A socket closed with unread input is reset, and the peer might lose our GOAWAY.
_LINGER_S: Final = 1.0
_GREETING: Final = (
    (frames.Setting.INITIAL_WINDOW_SIZE, frames.DEFAULT_WINDOW_SIZE),
    (frames.Setting.MAX_FRAME_SIZE, frames.DEFAULT_MAX_FRAME_SIZE),
)


class Http2Connection(asyncio.Protocol):
    """One client's connection to one fake."""

    def __init__(self, fake: Fake, gone: Callable[["Http2Connection"], None]) -> None:
        self._session = fake.open_session()
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._writer = ReplyWriter()
        self._out = self._writer.out
        self._preface: bytes | None = b""
        self._reader = frames.FrameReader()
        self._headers = HeaderReader()
        self._assembly: HeaderAssembly | None = None
        self._streams: dict[int, Stream] = {}
        self._abandoned: set[int] = set()  # we reset them; the peer's frames may still come
        self._last_id = 0
        self._processed_id = 0
        self._farewell_id: int | None = None
        self._is_deaf = False
        self._has_settings = False
        self._announced = 0
        self._unacknowledged: deque[int] = deque()
        self._enforced = _STREAMS_BEFORE_ACK
        self._receivable = frames.DEFAULT_WINDOW_SIZE
        self._consumed = 0
        self._linger: asyncio.TimerHandle | None = None
        self._handlers: dict[int, Callable[[Frame], None]] = {
            frames.FrameType.DATA: self._on_data,
            frames.FrameType.HEADERS: self._on_headers,
            frames.FrameType.PRIORITY: self._on_priority,
            frames.FrameType.RST_STREAM: self._on_rst_stream,
            frames.FrameType.SETTINGS: self._on_settings,
            frames.FrameType.PUSH_PROMISE: self._on_unexpected,
            frames.FrameType.PING: self._on_ping,
            frames.FrameType.GOAWAY: self._on_goaway,
            frames.FrameType.WINDOW_UPDATE: self._on_window_update,
            frames.FrameType.CONTINUATION: self._on_continuation,
        }

    # -- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the peer."""
        self._transport = cast("asyncio.Transport", transport)
        self._announce(*_GREETING, *HEADER_SETTINGS)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take input and answer what it completes."""
        if self._is_deaf:
            return
        try:
            if self._preface is not None:
                data = self._read_preface(data)
            for frame in self._reader.feed(data):
                try:
                    self._take(frame)
                except StreamError as error:
                    self._reset(error.stream_id, error.code)
                if self._transport.is_closing():
                    return
        except ProtocolError as error:
            self._fail(error)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was in flight."""
        del exc
        self._is_deaf = True
        for stream in self._streams.values():
            if stream.timer is not None:
                stream.timer.cancel()
        self._streams.clear()
        if self._linger is not None:
            self._linger.cancel()
        self._gone(self)

    def pause_writing(self) -> None:
        """Stop reading from a peer that doesn't read."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on reading."""
        self._transport.resume_reading()

    def leave(self) -> None:
        """Say goodbye and close, because the fake is being stopped."""
        if not self._is_deaf:
            self._is_deaf = True
            self._out.append(frames.goaway_frame(self._processed_id, ErrorCode.NO_ERROR))
            self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Cut the connection."""
        self._is_deaf = True
        self._transport.abort()

    # -- frames in

    def _read_preface(self, data: bytes) -> bytes:
        data = cast("bytes", self._preface) + data
        size = len(frames.PREFACE)
        if data[:size] != frames.PREFACE[: len(data)]:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "no HTTP/2 preface")
        self._preface = data if len(data) < size else None
        return data[size:]

    def _take(self, frame: Frame) -> None:
        if self._assembly is not None and frame.type != frames.FrameType.CONTINUATION:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a header block was interrupted")
        if not self._has_settings and (
            frame.type != frames.FrameType.SETTINGS or frame.flags & Flag.ACK
        ):
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "the preface ends with SETTINGS")
        handler = self._handlers.get(frame.type)
        if handler is not None:
            handler(frame)

    def _on_headers(self, frame: Frame) -> None:
        if frame.stream_id % 2 == 0:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "HEADERS on a stream that can't be")
        if frame.flags & Flag.END_HEADERS:
            is_last = bool(frame.flags & Flag.END_STREAM)
            self._on_block(frame.stream_id, frames.unpadded(frame), is_last=is_last)
        else:
            self._assembly = HeaderAssembly(frame)

    def _on_continuation(self, frame: Frame) -> None:
        assembly = self._assembly
        if assembly is None:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION of nothing")
        assembly.add(frame)
        if assembly.is_complete:
            self._assembly = None
            self._on_block(assembly.stream_id, assembly.block, is_last=assembly.is_last)

    def _on_block(self, stream_id: int, block: bytes, *, is_last: bool) -> None:
        # Decoded even if the stream is of no interest: the blocks share one table.
        fields = self._headers.read(block)
        stream = self._streams.get(stream_id)
        if stream is not None:
            self._on_trailers(stream, fields, is_last=is_last)
            return
        if stream_id <= self._last_id:
            if stream_id in self._abandoned or self._is_above_farewell(stream_id):
                return
            raise ProtocolError(ErrorCode.STREAM_CLOSED, "HEADERS on a closed stream")
        self._last_id = stream_id
        if self._is_above_farewell(stream_id):
            return
        if len(self._streams) >= self._enforced:
            raise StreamError(stream_id, ErrorCode.REFUSED_STREAM, "too many streams")
        head = check_request(fields)
        if head is None:
            raise StreamError(stream_id, ErrorCode.PROTOCOL_ERROR, "a malformed request")
        self._streams[stream_id] = stream = Stream(stream_id, head, self._writer.initial_window)
        if is_last:
            self._complete(stream)

    def _on_trailers(self, stream: Stream, fields: list[Field], *, is_last: bool) -> None:
        if stream.is_complete:
            raise StreamError(stream.id, ErrorCode.STREAM_CLOSED, "HEADERS after the end")
        if not is_last or any(name[:1] == b":" for name, _ in fields):
            raise StreamError(stream.id, ErrorCode.PROTOCOL_ERROR, "malformed trailers")
        self._complete(stream)

    def _on_data(self, frame: Frame) -> None:
        stream_id, size = frame.stream_id, len(frame.payload)
        if not stream_id or stream_id > self._last_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "DATA on an idle stream")
        self._receivable -= size
        self._consumed += size
        if self._receivable < 0:
            raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "the connection's window is passed")
        content = frames.unpadded(frame) if frame.flags & Flag.PADDED else frame.payload
        stream = self._streams.get(stream_id)
        if stream is None:
            if stream_id in self._abandoned or self._is_above_farewell(stream_id):
                return
            raise StreamError(stream_id, ErrorCode.STREAM_CLOSED, "DATA on a closed stream")
        stream.receive(content, size)
        if frame.flags & Flag.END_STREAM:
            self._complete(stream)
        elif credit := stream.credit():
            self._out.append(frames.window_update_frame(stream_id, credit))

    def _on_priority(self, frame: Frame) -> None:
        if not frame.stream_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "PRIORITY on the connection")
        if len(frame.payload) != 5:  # noqa: PLR2004 - section 6.3
            raise StreamError(frame.stream_id, ErrorCode.FRAME_SIZE_ERROR, "PRIORITY")

    def _on_rst_stream(self, frame: Frame) -> None:
        frames.parse_rst_stream(frame)
        if frame.stream_id > self._last_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "RST_STREAM on an idle stream")
        stream = self._streams.get(frame.stream_id)
        if stream is not None:
            self._close(stream)

    def _on_settings(self, frame: Frame) -> None:
        values = frames.parse_settings(frame)
        if frame.flags & Flag.ACK:
            if self._unacknowledged:
                self._enforced = self._unacknowledged.popleft()
            return
        self._has_settings = True
        for name, value in values:
            self._writer.apply(name, value, self._streams.values())
        self._out.append(frames.settings_ack_frame())
        self._pump()

    def _on_ping(self, frame: Frame) -> None:
        payload = frames.parse_ping(frame)
        if not frame.flags & Flag.ACK:
            self._out.append(frames.ping_frame(payload, ack=True))

    def _on_goaway(self, frame: Frame) -> None:
        frames.parse_goaway(frame)
        # The peer opens no further streams; it closes when it has its replies.
        if not self._streams:
            self._flush()
            self._transport.close()

    def _on_unexpected(self, frame: Frame) -> None:
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, f"frame type {frame.type} from a client")

    def _on_window_update(self, frame: Frame) -> None:
        increment, stream_id = frames.parse_window_update(frame), frame.stream_id
        if stream_id > self._last_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE on an idle stream")
        if not stream_id:
            self._writer.widen(increment)
        elif stream_id in self._streams:
            self._writer.widen_stream(self._streams[stream_id], increment)
        self._pump()

    # -- reactions out

    def _complete(self, stream: Stream) -> None:
        stream.is_complete = True
        if stream.is_misdeclared:
            raise StreamError(stream.id, ErrorCode.PROTOCOL_ERROR, "not its content-length")
        method, path, headers, is_ambiguous = stream.head
        body = stream.body[0] if len(stream.body) == 1 else b"".join(stream.body)
        reaction = self._session.react(Request(method, path, headers, body, is_ambiguous))
        self._perform(stream, reaction)
        if self._session.max_streams != self._announced and self._farewell_id is None:
            self._announce()

    def _perform(self, stream: Stream, reaction: Reaction) -> None:
        match reaction:
            case Answer():
                self._processed_id = max(self._processed_id, stream.id)
                self._answer(stream, reaction)
            case Farewell():
                self._say_farewell(stream, reaction)
            case Reset():
                self._reset(stream.id, reaction.code)
            case Silence():
                self._processed_id = max(self._processed_id, stream.id)
            case Drop():
                self._flush()
                self.abort()
            case _:
                assert_never(reaction)

    def _answer(self, stream: Stream, answer: Answer) -> None:
        if answer.delay_ms:
            later = answer._replace(delay_ms=0)
            stream.timer = self._loop.call_later(
                answer.delay_ms / 1000, self._answer_late, stream, later
            )
            return
        if self._writer.write(stream, answer):
            self._close(stream)

    def _answer_late(self, stream: Stream, answer: Answer) -> None:
        stream.timer = None
        if self._is_deaf:
            return
        self._answer(stream, answer)
        self._flush()

    def _pump(self) -> None:
        for stream in self._writer.pump():
            self._close(stream)

    def _close(self, stream: Stream) -> None:
        if stream.timer is not None:
            stream.timer.cancel()
        self._streams.pop(stream.id, None)
        self._writer.forget(stream)
        if self._farewell_id is not None and not self._streams:
            self._close_soon()

    def _reset(self, stream_id: int, code: int) -> None:
        self._out.append(frames.rst_stream_frame(stream_id, code))
        if len(self._abandoned) >= _ABANDONED_REMEMBERED:
            self._abandoned.clear()
        self._abandoned.add(stream_id)
        stream = self._streams.get(stream_id)
        if stream is not None:
            self._close(stream)

    def _say_farewell(self, stream: Stream, farewell: Farewell) -> None:
        """Say GOAWAY around one stream, never calling a processed stream unprocessed."""
        if farewell.answer is not None:
            last_id = self._processed_id = max(self._processed_id, stream.id)
            self._answer(stream, farewell.answer._replace(delay_ms=0))
        elif self._processed_id > stream.id or self._farewell_id is not None:
            last_id = self._processed_id
            self._reset(stream.id, ErrorCode.REFUSED_STREAM)
        else:
            last_id = max(stream.id - 2, 0)
        if self._farewell_id is not None:
            return
        self._farewell_id = last_id
        self._out.append(frames.goaway_frame(last_id, ErrorCode.NO_ERROR, farewell.debug))
        for above in [held for held in self._streams.values() if held.id > last_id]:
            self._close(above)
        if not self._streams:
            self._close_soon()

    def _is_above_farewell(self, stream_id: int) -> bool:
        return self._farewell_id is not None and stream_id > self._farewell_id

    def _fail(self, error: ProtocolError) -> None:
        self._is_deaf = True
        debug = error.detail.encode()
        self._out.append(frames.goaway_frame(self._processed_id, error.code, debug))
        self._flush()
        self._close_soon()

    def _close_soon(self) -> None:
        if self._linger is None:
            self._linger = self._loop.call_later(_LINGER_S, self._transport.close)

    def _announce(self, *others: tuple[int, int]) -> None:
        """Tell the peer how many streams it may open."""
        self._announced = limit = self._session.max_streams
        self._unacknowledged.append(limit)
        self._enforced = max(self._enforced, limit)
        streams = (frames.Setting.MAX_CONCURRENT_STREAMS, limit)
        self._out.append(frames.settings_frame((streams, *others)))

    def _flush(self) -> None:
        if self._consumed >= CREDIT_AFTER_BYTES:
            self._out.append(frames.window_update_frame(0, self._consumed))
            self._receivable += self._consumed
            self._consumed = 0
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()

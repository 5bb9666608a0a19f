"""The server side of one HTTP/2 connection, in front of a fake.

Everything one turn's input leads to, replies included, leaves in one write: that is what
lets a fake in Python keep up with a fast sender.

Source: RFC 9113.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final, cast

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frames import ErrorCode, Flag, Frame, ProtocolError, StreamError
from heliograph.outbound.http2.header_assembly import HeaderAssembly
from heliograph.simulators.exchange import Answer, Fake, Field, Request
from heliograph.simulators.header_reader import HEADER_SETTINGS, HeaderReader
from heliograph.simulators.http2_reactions import Reactions
from heliograph.simulators.http2_streams import Stream

_TURN_FRAMES: Final = 64
"""Frames of one connection that are taken in one turn of the loop: whoever pours a broadcast
into one keeps nobody on the others waiting, as a real provider's many machines would not."""

_GREETING: Final = (
    (frames.Setting.MAX_FRAME_SIZE, frames.DEFAULT_MAX_FRAME_SIZE),
    *HEADER_SETTINGS,
)


class Http2Connection(Reactions, asyncio.Protocol):
    """One client's connection to one fake."""

    def __init__(self, fake: Fake, gone: Callable[["Http2Connection"], None]) -> None:
        super().__init__(fake.open_session())
        self._gone = gone
        self._preface: bytes | None = b""
        self._reader = frames.FrameReader()
        self._headers = HeaderReader()
        self._assembly: HeaderAssembly | None = None
        self._last_id = 0
        self._has_settings = False
        self._rest: Iterator[Frame] | None = None
        self._behind = b""
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
        self._announce(self._allowance(), *_GREETING)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take input and answer what it completes."""
        if self._is_deaf:
            return
        if self._rest is not None:
            self._behind += data
            return
        try:
            if self._preface is not None:
                data = self._read_preface(data)
            self._take_turn(self._reader.feed(data))
        except ProtocolError as error:
            self._fail(error)
            self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was in flight."""
        del exc
        self._is_deaf = True
        self._stop_timers()
        self._streams.clear()
        self._gone(self)

    def pause_writing(self) -> None:
        """Stop reading from a peer that doesn't read."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on reading."""
        self._transport.resume_reading()

    # -- frames in

    def _take_turn(self, incoming: Iterator[Frame]) -> None:
        """Take some frames and answer them; the others' turns come before the rest."""
        self._rest = None
        for number, frame in enumerate(incoming, start=1):
            if not self._take(frame):
                return
            if number == _TURN_FRAMES:
                self._rest = incoming
                self._loop.call_soon(self._go_on)
                break
        self._flush()

    def _go_on(self) -> None:
        rest, self._rest = self._rest, None
        if self._is_deaf or rest is None:
            return
        try:
            self._take_turn(rest)
        except ProtocolError as error:
            self._fail(error)
            self._flush()
        self._take_behind()

    def _take_behind(self) -> None:
        """Take what came while the rest waited, once nothing of that is left."""
        if self._rest is None and self._behind:
            behind, self._behind = self._behind, b""
            self.data_received(behind)

    def _read_preface(self, data: bytes) -> bytes:
        data = cast("bytes", self._preface) + data
        size = len(frames.PREFACE)
        if data[:size] != frames.PREFACE[: len(data)]:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "no HTTP/2 preface")
        self._preface = data if len(data) < size else None
        return data[size:]

    def _take(self, frame: Frame) -> bool:
        """Take one frame; say whether to go on with the next."""
        if self._assembly is not None and frame.type != frames.FrameType.CONTINUATION:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a header block was interrupted")
        if not self._has_settings and (
            frame.type != frames.FrameType.SETTINGS or frame.flags & Flag.ACK
        ):
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "the preface ends with SETTINGS")
        handler = self._handlers.get(frame.type)
        if handler is not None:
            try:
                handler(frame)
            except StreamError as error:
                self._reset(error.stream_id, error.code)
        return not self._is_deaf

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
        head = self._headers.match(block)
        fields = self._headers.read(block) if head is None else []
        stream = self._streams.get(stream_id)
        if stream is not None:
            # What matches begins requests, which no trailers can look like.
            self._on_trailers(stream, fields, is_last=is_last and head is None)
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
        if head is None:
            head = self._headers.check(fields)
        if head is None:
            raise StreamError(stream_id, ErrorCode.PROTOCOL_ERROR, "a malformed request")
        self._streams[stream_id] = stream = Stream(
            stream_id, head, self._writer.initial_window, self._stream_window
        )
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
            self._enforce()
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
            self._is_deaf = True
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

    def _complete(self, stream: Stream) -> None:
        stream.is_complete = True
        if stream.is_misdeclared:
            raise StreamError(stream.id, ErrorCode.PROTOCOL_ERROR, "not its content-length")
        method, path, headers, is_ambiguous, pattern = stream.head
        body = stream.body[0] if len(stream.body) == 1 else b"".join(stream.body)
        request = Request(method, path, headers, body, is_ambiguous, pattern)
        reaction = self._session.react(request)
        if type(reaction) is Answer and not reaction.delay_ms:
            # What nearly every push comes to, without the calls that other reactions take.
            self._answer_now(stream, reaction)
        else:
            self._perform(stream, reaction)
        if self._squeeze is None and self._session.max_streams == self._announced[0]:
            return
        allowance = self._allowance()
        if allowance != self._announced and self._farewell_id is None:
            self._announce(allowance)

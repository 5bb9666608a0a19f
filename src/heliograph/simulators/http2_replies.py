"""Replies on their way out of one HTTP/2 connection: spelling, windows, settings.

Source: RFC 9113, sections 6.5.2 and 6.9; RFC 7541, section 4.2.
"""

from collections.abc import Iterable
from typing import Final

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frames import ErrorCode, ProtocolError, Setting, StreamError
from heliograph.simulators.exchange import Answer
from heliograph.simulators.header_reader import TABLE_SIZE
from heliograph.simulators.http2_streams import Stream, reply_block

_EMPTY_TABLE: Final = b"\x20"
_HEADERS: Final = int(frames.FrameType.HEADERS)
_WHOLE: Final = frames.Flag.END_STREAM | frames.Flag.END_HEADERS


class ReplyWriter:
    """What the peer lets us send, and what is held back until it lets us.

    out: frames that leave with the next write.
    """

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self.initial_window = frames.DEFAULT_WINDOW_SIZE
        self._window = frames.DEFAULT_WINDOW_SIZE
        self._frame_size = frames.DEFAULT_MAX_FRAME_SIZE
        self._must_empty_table = False
        self._waiting: dict[int, Stream] = {}

    def apply(self, name: int, value: int, streams: Iterable[Stream]) -> None:
        """Take one of the peer's settings; raises ProtocolError for a value that can't be."""
        if name == Setting.HEADER_TABLE_SIZE:
            # Our encoder keeps no table, but a peer that shrinks it waits to hear so.
            self._must_empty_table |= value < TABLE_SIZE
        elif name == Setting.ENABLE_PUSH and value > 1:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is 0 or 1")
        elif name == Setting.INITIAL_WINDOW_SIZE:
            change = value - self.initial_window
            self.initial_window = value
            for stream in streams:
                stream.sendable += change
            widest = max([value, *(stream.sendable for stream in streams)])
            if widest > frames.LARGEST_WINDOW_SIZE:
                raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "a window past 2^31-1")
        elif name == Setting.MAX_FRAME_SIZE:
            if not frames.DEFAULT_MAX_FRAME_SIZE <= value <= frames.LARGEST_MAX_FRAME_SIZE:
                raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a frame size out of range")
            self._frame_size = value

    def widen(self, increment: int) -> None:
        """Take a WINDOW_UPDATE of the connection."""
        self._window += increment
        if not increment:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a window increment of 0")
        if self._window > frames.LARGEST_WINDOW_SIZE:
            raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "a window past 2^31-1")

    def widen_stream(self, stream: Stream, increment: int) -> None:
        """Take a WINDOW_UPDATE of one stream."""
        stream.sendable += increment
        if not increment:
            raise StreamError(stream.id, ErrorCode.PROTOCOL_ERROR, "a window increment of 0")
        if stream.sendable > frames.LARGEST_WINDOW_SIZE:
            raise StreamError(stream.id, ErrorCode.FLOW_CONTROL_ERROR, "a window past 2^31-1")

    def write(self, stream: Stream, answer: Answer) -> bool:
        """Send a reply; False if the peer's windows hold a part of it back."""
        block = reply_block(answer.status, answer.fields)
        if self._must_empty_table:
            self._must_empty_table = False
            block = _EMPTY_TABLE + block
        if not answer.body:
            if len(block) <= self._frame_size:
                self.out.append(frames.pack_frame(_HEADERS, _WHOLE, stream.id, block))
                return True
            self.out.append(
                frames.header_frames(
                    stream.id, block, end_stream=True, max_frame_size=self._frame_size
                )
            )
            return True
        self.out.append(frames.header_frames(stream.id, block, max_frame_size=self._frame_size))
        stream.unsent = answer.body
        return self._pump(stream)

    def pump(self) -> list[Stream]:
        """Send what the windows let through by now; return the streams whose reply is whole."""
        return [stream for stream in tuple(self._waiting.values()) if self._pump(stream)]

    def forget(self, stream: Stream) -> None:
        """Send no more on a stream."""
        self._waiting.pop(stream.id, None)

    def _pump(self, stream: Stream) -> bool:
        unsent = stream.unsent
        while unsent:
            room = min(self._window, stream.sendable, self._frame_size)
            if room <= 0:
                stream.unsent = unsent
                self._waiting[stream.id] = stream
                return False
            part, unsent = unsent[:room], unsent[room:]
            self._window -= len(part)
            stream.sendable -= len(part)
            self.out.append(frames.data_frame(stream.id, part, end_stream=not unsent))
        stream.unsent = b""
        self._waiting.pop(stream.id, None)
        return True

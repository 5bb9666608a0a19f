"""The client's side of one HTTP/2 connection, without any input or output.

Source: RFC 9113.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frame_handlers import FrameHandlers
from heliograph.outbound.http2.frames import ErrorCode, Flag, Frame, FrameType, ProtocolError
from heliograph.outbound.http2.messages import Lost, Reply
from heliograph.outbound.http2.reply_headers import status_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from heliograph.outbound.http2.settings import SenderSettings
    from heliograph.outbound.http2.streams import Sink

# Length in two parts, type and flags, stream id.
_read_head: Final = Struct(">HBHI").unpack_from
_WHOLE_REPLY: Final = FrameType.HEADERS << 8 | Flag.END_HEADERS | Flag.END_STREAM
_REPLY_HEADERS: Final = FrameType.HEADERS << 8 | Flag.END_HEADERS
_REPLY_KINDS: Final = frozenset((_WHOLE_REPLY, _REPLY_HEADERS))
_WHOLE_BODY: Final = FrameType.DATA << 8 | Flag.END_STREAM
_OK_BLOCK: Final = b"\x88"  # ":status: 200" of the static table
_OK: Final = 200


class Session(FrameHandlers):
    """Turns requests into bytes, and bytes into replies.

    `start`, `cancel`, `receive` and the others queue frames; `take_output`
    hands them over. Results go to each request's sink while `start`, `receive`,
    `cancel` or `lose` runs. Nothing here raises for what a peer does: its
    mistakes end up in `fault`, and a GOAWAY that says so in the output.
    """

    def __init__(self, authority: bytes, settings: SenderSettings) -> None:
        super().__init__(authority, settings)
        self.fault = ""  # why the session ended, for operators
        self.is_closed = False  # no more input or output but what is queued
        self._pending = b""
        self._first_unwritten_id = 1

    @property
    def has_output(self) -> bool:
        """Whether `take_output` has something to hand over."""
        return bool(self._outflow.queue)

    @property
    def backlog_frames(self) -> int:
        """How many pieces of output wait."""
        return len(self._outflow.queue)

    @property
    def is_output_full(self) -> bool:
        """Whether requests wait for nothing but the next `take_output`."""
        return self._outflow.is_full

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
        if self.is_draining or self._outflow.window <= 0 or self._outflow.is_full:
            return 0
        return max(0, self._stream_limit - len(self._streams))

    @property
    def is_stream_limit_binding(self) -> bool:
        """Whether another connection would carry what this one has no stream for.

        It would not where a server holds back the limit until it has seen a
        request that it accepts: there it would meet the new one in the same way.
        """
        limit = self._stream_limit
        if self.is_draining or not (self.is_peer_ready and self.is_proven):
            return False
        is_held_back = limit == 1 and self._settings.first_request_alone
        return not is_held_back and 1 <= limit <= len(self._streams)

    def start(self, sink: Sink, indexes: Sequence[int]) -> int:
        """Queue the frames of requests; return how many, which may be less than asked for.

        The caller asks for no more than `room`.
        """
        streams, outflow = self._streams, self._outflow
        wanted = min(len(indexes), streams.ids_left)
        done = 0
        while done < wanted:
            run = indexes[done:wanted]
            if opened := outflow.open_run(sink, run, streams.next_id):
                streams.add_run(sink, run[:opened])
                done += opened
            if done < wanted:
                if not self.room:
                    break
                self._start_one(sink, indexes[done])
                done += 1
        if not streams.ids_left:
            self.is_draining = True
        return done

    def _start_one(self, sink: Sink, index: int) -> None:
        request = sink.requests[index]
        if self._outflow.is_too_large(request, sink.shared):
            sink.settle(index, Lost(is_unprocessed=True, detail="headers over the server's limit"))
            return
        stream = self._streams.add((sink, index))
        self._outflow.open(stream, request, sink.shared, sink.method)

    @property
    def next_stream_id(self) -> int:
        """The id of the next request's stream."""
        return self._streams.next_id

    def cancel(self, sink: Sink, stream_ids: Iterable[int], result: Lost) -> None:
        """Reset those of the streams that still belong to a sink; settle them with `result`."""
        for stream in self._streams.of(sink, stream_ids):
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
        self._first_unwritten_id = self._streams.next_id
        return self._outflow.take()

    def lose(self, reason: str) -> None:
        """End the session and settle what is under way.

        Only what never left the queue, or what the server disowned by GOAWAY
        before, is known to be unprocessed.
        """
        self.fault = self.fault or reason
        self.is_closed = self.is_draining = True
        # What is called unprocessed must not leave after all.
        self._outflow.drop()
        for stream in self._streams.drain():
            sink, index = stream.waiter
            is_unwritten = stream.id >= self._first_unwritten_id
            lost = Lost(is_unwritten, self.fault, self.goaway_debug)
            if is_unwritten:
                sink.send_again(index, lost, is_refusal=False)
            else:
                sink.settle(index, lost)

    def receive(self, received: bytes) -> None:
        """Take bytes from the peer, in any portions."""
        if self.is_closed:
            return
        if self._pending:
            received = self._pending + received
        try:
            used = self._read(received)
        except ProtocolError as error:
            self.lose(f"the server broke the protocol: {error.detail}")
            self._queue(frames.goaway_frame(0, error.code, error.detail.encode()))
        else:
            self._pending = received[used:]

    def _read(self, received: bytes) -> int:
        """Take the frames that are complete; return how many bytes they have.

        Raises ProtocolError for what ends the connection.
        """
        whole, heard = self._streams.whole, self._streams.heard
        max_body_bytes = self._settings.max_body_bytes
        is_fast = self._is_fast
        offset, size = 0, len(received)
        while size - offset >= frames.FRAME_HEADER_SIZE:
            length, low, kind, stream_id = _read_head(received, offset)
            length = length << 8 | low
            if length > frames.DEFAULT_MAX_FRAME_SIZE:
                detail = f"a frame of {length} bytes is over the limit"
                raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, detail)
            start = offset + frames.FRAME_HEADER_SIZE
            end = start + length
            if end > size:
                break
            offset = end
            payload = received[start:end]
            # What nearly every push gets takes this short way; all else goes the long one.
            if is_fast:
                if kind in _REPLY_KINDS:
                    if (waiter := whole.get(stream_id)) is not None:
                        status = _OK if payload[:1] == _OK_BLOCK else status_of(payload)
                        if status >= _OK:
                            del whole[stream_id]
                            if kind == _WHOLE_REPLY:
                                waiter[0].settle(waiter[1], Reply(status, payload, b""))
                            else:
                                heard[stream_id] = (waiter, status, payload)
                            continue
                elif kind == _WHOLE_BODY and stream_id in heard and length <= max_body_bytes:
                    self._take_window(length)
                    waiter, status, block = heard.pop(stream_id)
                    waiter[0].settle(waiter[1], Reply(status, block, payload))
                    continue
            # The top bit of the stream id is reserved and ignored (section 4.1).
            stream_id &= frames.LARGEST_STREAM_ID
            self._dispatch(Frame(kind >> 8, kind & 0xFF, stream_id, payload))
            is_fast = self._is_fast
        return offset

"""One HTTP/2 connection's way out: replies, delays, goodbyes and worse.

Source: RFC 9113, sections 5.1.2, 6.5 to 6.9.
"""

import asyncio
import socket
import struct
from collections import deque
from typing import Final, assert_never

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frames import ErrorCode, ProtocolError
from heliograph.simulators.exchange import (
    Answer,
    Drop,
    Farewell,
    Freeze,
    Garble,
    Reaction,
    Reset,
    Session,
    Silence,
    Squeeze,
)
from heliograph.simulators.http2_replies import ReplyWriter
from heliograph.simulators.http2_streams import CREDIT_AFTER_BYTES, Stream

# Until the peer acknowledges our SETTINGS it can't know our limit (section 6.5.3).
_STREAMS_BEFORE_ACK: Final = 100
_ABANDONED_REMEMBERED: Final = 10_000
# A socket closed with unread input is reset, and the peer might lose our GOAWAY.
_LINGER_S: Final = 1.0
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
# An index that no table holds, and a SETTINGS frame of a length that can't be.
_NO_SUCH_INDEX: Final = b"\xff\xff\x7f"
_SETTINGS_OF_5_BYTES: Final = frames.pack_frame(frames.FrameType.SETTINGS, 0, 0, b"\x00" * 5)


class Reactions:
    """What a connection does about the requests that came; the other half reads them.

    _transport: set when the connection is made.
    """

    _transport: asyncio.Transport

    def __init__(self, session: Session) -> None:
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._writer = ReplyWriter()
        self._out = self._writer.out
        self._streams: dict[int, Stream] = {}
        self._abandoned: set[int] = set()  # we reset them; the peer's frames may still come
        self._late: dict[int, tuple[asyncio.TimerHandle, list[tuple[Stream, Answer]]]] = {}
        self._processed_id = 0
        self._farewell_id: int | None = None
        self._is_deaf = False
        self._announced = (0, frames.DEFAULT_WINDOW_SIZE)
        self._unacknowledged: deque[tuple[int, int]] = deque()
        self._enforced = _STREAMS_BEFORE_ACK
        self._stream_window = frames.DEFAULT_WINDOW_SIZE
        self._receivable = frames.DEFAULT_WINDOW_SIZE
        self._squeeze: Squeeze | None = None
        self._squeezed_requests = 0
        self._linger: asyncio.TimerHandle | None = None

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

    def _perform(self, stream: Stream, reaction: Reaction) -> None:
        match reaction:
            case Answer():
                self._processed_id = max(self._processed_id, stream.id)
                self._answer_later(stream, reaction)
            case Farewell():
                self._say_farewell(stream, reaction)
            case Reset():
                self._reset(stream.id, reaction.code)
            case Silence():
                self._processed_id = max(self._processed_id, stream.id)
            case Freeze():
                self._flush()
                self._is_deaf = True
            case Drop():
                self._drop(is_reset=reaction.is_reset)
            case Garble():
                self._garble(stream, breaks_hpack=reaction.breaks_hpack)
            case Squeeze():
                self._processed_id = max(self._processed_id, stream.id)
                self._answer(stream, reaction.answer)
                self._squeeze, self._squeezed_requests = reaction, reaction.requests + 1
            case _:
                assert_never(reaction)

    def _answer_now(self, stream: Stream, answer: Answer) -> None:
        self._processed_id = max(self._processed_id, stream.id)
        if self._writer.write(stream, answer):
            self._close(stream)

    def _answer(self, stream: Stream, answer: Answer) -> None:
        if answer.delay_ms:
            self._answer_later(stream, answer)
        elif self._writer.write(stream, answer):
            self._close(stream)

    def _answer_later(self, stream: Stream, answer: Answer) -> None:
        """Let it wait with all that is due in the same millisecond: they leave together."""
        now_s = self._loop.time()
        due_ms = int(now_s * 1000) + answer.delay_ms
        prompt = answer._replace(delay_ms=0)
        waiting = self._late.get(due_ms)
        if waiting is None:
            timer = self._loop.call_at(due_ms / 1000, self._answer_late, due_ms)
            self._late[due_ms] = timer, [(stream, prompt)]
        else:
            waiting[1].append((stream, prompt))

    def _answer_late(self, due_ms: int) -> None:
        _, waiting = self._late.pop(due_ms)
        if self._is_deaf:
            return
        for stream, answer in waiting:
            if self._streams.get(stream.id) is stream:
                self._answer(stream, answer)
        self._flush()

    def _pump(self) -> None:
        for stream in self._writer.pump():
            self._close(stream)

    def _close(self, stream: Stream) -> None:
        self._streams.pop(stream.id, None)
        if stream.unsent:
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
        """Say GOAWAY around one stream, never calling a processed stream unprocessed.

        Unless the script says which stream was the last: then it is believed.
        """
        if farewell.answer is not None:
            last_id = self._processed_id = max(self._processed_id, stream.id)
            self._answer(stream, farewell.answer._replace(delay_ms=0))
        elif farewell.last_stream_id is not None:
            last_id = self._processed_id
        elif self._processed_id > stream.id or self._farewell_id is not None:
            last_id = self._processed_id
            self._reset(stream.id, ErrorCode.REFUSED_STREAM)
        else:
            last_id = max(stream.id - 2, 0)
        if self._farewell_id is not None:
            return
        if farewell.last_stream_id is not None:
            last_id = farewell.last_stream_id
        self._farewell_id = last_id
        self._out.append(frames.goaway_frame(last_id, ErrorCode.NO_ERROR, farewell.debug))
        if not farewell.finishes:
            self._flush()
            self._is_deaf = True
            self._close_soon()
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

    def _drop(self, *, is_reset: bool) -> None:
        if is_reset:
            connection: socket.socket = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        else:
            self._flush()
        self.abort()

    def _garble(self, stream: Stream, *, breaks_hpack: bool) -> None:
        if breaks_hpack:
            self._out.append(frames.header_frames(stream.id, _NO_SUCH_INDEX, end_stream=True))
        else:
            self._out.append(_SETTINGS_OF_5_BYTES)

    def _close_soon(self) -> None:
        if self._linger is None:
            self._linger = self._loop.call_later(_LINGER_S, self._transport.close)

    def _stop_timers(self) -> None:
        for timer, _ in self._late.values():
            timer.cancel()
        self._late.clear()
        if self._linger is not None:
            self._linger.cancel()

    # -- what the peer may do

    def _allowance(self) -> tuple[int, int]:
        """Return how many streams the peer may open, and the window of each."""
        streams, window = self._session.max_streams, frames.DEFAULT_WINDOW_SIZE
        squeeze = self._squeeze
        if squeeze is not None:
            if squeeze.requests:
                self._squeezed_requests -= 1
                if not self._squeezed_requests:
                    self._squeeze = None
                    return streams, window
            streams = squeeze.max_streams or streams
            window = squeeze.window_bytes or window
        return streams, window

    def _announce(self, wanted: tuple[int, int], *others: tuple[int, int]) -> None:
        """Tell the peer what it may do."""
        limit, window = wanted
        values = [(int(frames.Setting.MAX_CONCURRENT_STREAMS), limit)]
        if window != self._announced[1] or others:
            values.append((frames.Setting.INITIAL_WINDOW_SIZE, window))
        self._announced = wanted
        self._unacknowledged.append(wanted)
        self._enforced = max(self._enforced, limit)
        self._out.append(frames.settings_frame((*values, *others)))

    def _enforce(self) -> None:
        """Hold the peer to what it has acknowledged."""
        if not self._unacknowledged:
            return
        self._enforced, window = self._unacknowledged.popleft()
        if window != self._stream_window:
            for stream in self._streams.values():
                stream.resize(window)
            self._stream_window = window

    def _flush(self) -> None:
        squeeze = self._squeeze
        if squeeze is None or squeeze.window_bytes is None:
            room, step = frames.DEFAULT_WINDOW_SIZE, CREDIT_AFTER_BYTES
        else:
            room, step = squeeze.window_bytes, 1
        if room - self._receivable >= step:
            self._out.append(frames.window_update_frame(0, room - self._receivable))
            self._receivable = room
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()

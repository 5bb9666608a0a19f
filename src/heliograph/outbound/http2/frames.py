"""Frames of HTTP/2 on the wire: names, numbers, reader and builders, for either side.

Source: RFC 9113, sections 4, 6 and 7.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Final, NamedTuple

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEADER_SIZE: Final = 9
DEFAULT_MAX_FRAME_SIZE: Final = 16_384
LARGEST_MAX_FRAME_SIZE: Final = 16_777_215
DEFAULT_WINDOW_SIZE: Final = 65_535
LARGEST_WINDOW_SIZE: Final = 2**31 - 1
LARGEST_STREAM_ID: Final = 2**31 - 1

_SETTING_SIZE: Final = 6
_PING_SIZE: Final = 8
_WORD_SIZE: Final = 4
_GOAWAY_MIN_SIZE: Final = 8
PRIORITY_SIZE: Final = 5


class FrameType(IntEnum):
    """Frame types; a frame of any other number is skipped."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Flag:
    """Bits of a frame's flags; plain numbers, because every frame tests some."""

    ACK: Final = 0x1
    END_STREAM: Final = 0x1
    END_HEADERS: Final = 0x4
    PADDED: Final = 0x8
    PRIORITY: Final = 0x20


class ErrorCode(IntEnum):
    """Codes of RST_STREAM and GOAWAY; peers may send others."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Setting(IntEnum):
    """Identifiers in a SETTINGS frame; unknown ones are ignored."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class ProtocolError(Exception):
    """The peer broke the protocol; `code` goes into our GOAWAY and the connection ends."""

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(f"{code.name}: {detail}")
        self.code = code
        self.detail = detail


class StreamError(Exception):
    """The peer broke the rules of one stream; `code` goes into our RST_STREAM."""

    def __init__(self, stream_id: int, code: ErrorCode, detail: str) -> None:
        super().__init__(f"stream {stream_id}, {code.name}: {detail}")
        self.stream_id = stream_id
        self.code = code
        self.detail = detail


class Frame(NamedTuple):
    """One frame as it came; a tuple, because one is made for every frame of every push."""

    type: int
    flags: int
    stream_id: int
    payload: bytes


class GoAway(NamedTuple):
    """What a GOAWAY says: streams above `last_stream_id` were not processed."""

    last_stream_id: int
    code: int
    debug: bytes


class FrameReader:
    """Cuts a byte stream, split anywhere, into frames."""

    __slots__ = ("_pending", "max_frame_size")

    def __init__(self, max_frame_size: int = DEFAULT_MAX_FRAME_SIZE) -> None:
        self.max_frame_size = max_frame_size
        self._pending = b""

    def feed(self, received: bytes) -> Iterator[Frame]:
        """Yield the frames that `received` completes; iterate to the end before the next call.

        A frame above `max_frame_size` raises ProtocolError after the frames before it were
        yielded, as soon as its header is seen: its payload is never buffered.
        """
        if self._pending:
            received = self._pending + received
        offset, size = 0, len(received)
        from_bytes = int.from_bytes
        while size - offset >= FRAME_HEADER_SIZE:
            head = from_bytes(received[offset : offset + FRAME_HEADER_SIZE], "big")
            length = head >> 48
            if length > self.max_frame_size:
                raise ProtocolError(
                    ErrorCode.FRAME_SIZE_ERROR, f"a frame of {length} bytes is over the limit"
                )
            end = offset + FRAME_HEADER_SIZE + length
            if end > size:
                break
            # The top bit of the stream id is reserved and ignored (section 4.1).
            yield Frame(
                head >> 40 & 0xFF,
                head >> 32 & 0xFF,
                head & LARGEST_STREAM_ID,
                received[offset + FRAME_HEADER_SIZE : end],
            )
            offset = end
        self._pending = received[offset:]


def pack_frame(frame_type: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """Build one frame; the caller keeps `payload` within the peer's frame size."""
    head = len(payload) << 48 | frame_type << 40 | flags << 32 | stream_id
    return head.to_bytes(FRAME_HEADER_SIZE, "big") + payload


def data_frame(stream_id: int, payload: bytes, *, end_stream: bool = False) -> bytes:
    """Build a DATA frame without padding."""
    flags = Flag.END_STREAM if end_stream else 0
    return pack_frame(FrameType.DATA, flags, stream_id, payload)


def header_frames(
    stream_id: int,
    block: bytes,
    *,
    end_stream: bool = False,
    max_frame_size: int = DEFAULT_MAX_FRAME_SIZE,
) -> bytes:
    """Build HEADERS and as many CONTINUATION frames as the block needs."""
    flags = Flag.END_STREAM if end_stream else 0
    if len(block) <= max_frame_size:
        return pack_frame(FrameType.HEADERS, flags | Flag.END_HEADERS, stream_id, block)
    parts = [pack_frame(FrameType.HEADERS, flags, stream_id, block[:max_frame_size])]
    for start in range(max_frame_size, len(block), max_frame_size):
        part = block[start : start + max_frame_size]
        last = Flag.END_HEADERS if start + max_frame_size >= len(block) else 0
        parts.append(pack_frame(FrameType.CONTINUATION, last, stream_id, part))
    return b"".join(parts)


def settings_frame(values: Iterable[tuple[int, int]]) -> bytes:
    """Build a SETTINGS frame from (identifier, value) pairs, in order."""
    payload = b"".join((key << 32 | value).to_bytes(_SETTING_SIZE, "big") for key, value in values)
    return pack_frame(FrameType.SETTINGS, 0, 0, payload)


def settings_ack_frame() -> bytes:
    """Build the acknowledgement of the peer's SETTINGS."""
    return pack_frame(FrameType.SETTINGS, Flag.ACK, 0)


def ping_frame(payload: bytes, *, ack: bool = False) -> bytes:
    """Build a PING; `payload` is exactly 8 bytes."""
    return pack_frame(FrameType.PING, Flag.ACK if ack else 0, 0, payload)


def goaway_frame(last_stream_id: int, code: int, debug: bytes = b"") -> bytes:
    """Build a GOAWAY."""
    payload = last_stream_id.to_bytes(4, "big") + code.to_bytes(4, "big") + debug
    return pack_frame(FrameType.GOAWAY, 0, 0, payload)


def rst_stream_frame(stream_id: int, code: int) -> bytes:
    """Build a RST_STREAM."""
    return pack_frame(FrameType.RST_STREAM, 0, stream_id, code.to_bytes(4, "big"))


def window_update_frame(stream_id: int, increment: int) -> bytes:
    """Build a WINDOW_UPDATE; stream 0 is the connection, `increment` is 1 or more."""
    return pack_frame(FrameType.WINDOW_UPDATE, 0, stream_id, increment.to_bytes(4, "big"))


def unpadded(frame: Frame) -> bytes:
    """Return the content of a DATA or HEADERS frame without padding and priority.

    Raises ProtocolError where the padding or the priority does not fit into the frame.
    """
    payload, flags = frame.payload, frame.flags
    start, end = 0, len(payload)
    if flags & Flag.PADDED:
        if not payload:
            raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "padding without its length")
        start = 1
        end -= payload[0]
    if frame.type == FrameType.HEADERS and flags & Flag.PRIORITY:
        start += PRIORITY_SIZE
    if start > end:
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "padding fills more than its frame")
    return payload[start:end]


def parse_settings(frame: Frame) -> list[tuple[int, int]]:
    """Return (identifier, value) pairs in order; raises ProtocolError for a broken frame."""
    payload = frame.payload
    if frame.stream_id:
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "SETTINGS on a stream")
    if len(payload) % _SETTING_SIZE or (frame.flags & Flag.ACK and payload):
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of a wrong size")
    return [
        (
            int.from_bytes(payload[start : start + 2], "big"),
            int.from_bytes(payload[start + 2 : start + _SETTING_SIZE], "big"),
        )
        for start in range(0, len(payload), _SETTING_SIZE)
    ]


def parse_ping(frame: Frame) -> bytes:
    """Return the 8 bytes of a PING; raises ProtocolError for a broken frame."""
    if frame.stream_id:
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "PING on a stream")
    if len(frame.payload) != _PING_SIZE:
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "PING of a wrong size")
    return frame.payload


def parse_goaway(frame: Frame) -> GoAway:
    """Return what a GOAWAY says; raises ProtocolError for a broken frame."""
    payload = frame.payload
    if frame.stream_id:
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "GOAWAY on a stream")
    if len(payload) < _GOAWAY_MIN_SIZE:
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY of a wrong size")
    return GoAway(
        int.from_bytes(payload[:4], "big") & LARGEST_STREAM_ID,
        int.from_bytes(payload[4:8], "big"),
        payload[8:],
    )


def parse_rst_stream(frame: Frame) -> int:
    """Return the code of a RST_STREAM; raises ProtocolError for a broken frame."""
    if not frame.stream_id:
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "RST_STREAM on the connection")
    if len(frame.payload) != _WORD_SIZE:
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "RST_STREAM of a wrong size")
    return int.from_bytes(frame.payload, "big")


def parse_window_update(frame: Frame) -> int:
    """Return the increment, 0 included; raises ProtocolError for a broken frame.

    An increment of 0 is an error of the stream or of the connection (section 6.9):
    the caller knows which.
    """
    if len(frame.payload) != _WORD_SIZE:
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "WINDOW_UPDATE of a wrong size")
    return int.from_bytes(frame.payload, "big") & LARGEST_WINDOW_SIZE


def error_name(code: int) -> str:
    """Name an error code for operators; unknown ones stay numbers."""
    try:
        return ErrorCode(code).name
    except ValueError:
        return f"code {code}"

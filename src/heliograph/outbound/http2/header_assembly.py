"""Header blocks that come in several frames."""

from heliograph.outbound.http2.frames import ErrorCode, Flag, Frame, ProtocolError, unpadded

_LARGEST_BLOCK = 65_536
_FRAME_COST = 64


class HeaderAssembly:
    """One header block under construction: HEADERS, then CONTINUATION until its end."""

    __slots__ = ("_cost", "_parts", "is_complete", "is_last", "stream_id")

    def __init__(self, frame: Frame) -> None:
        if not frame.stream_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "HEADERS on the connection")
        self.stream_id = frame.stream_id
        self.is_last = bool(frame.flags & Flag.END_STREAM)
        self.is_complete = bool(frame.flags & Flag.END_HEADERS)
        self._parts = [unpadded(frame)]
        self._cost = 0

    @property
    def block(self) -> bytes:
        """The block so far."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def add(self, frame: Frame) -> None:
        """Take the next CONTINUATION.

        Raises ProtocolError when it belongs to another stream or the block
        grows without end. Each frame counts beyond its size, or else a peer
        could send empty ones for ever.
        """
        if frame.stream_id != self.stream_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION of another stream")
        self._cost += len(frame.payload) + _FRAME_COST
        if self._cost > _LARGEST_BLOCK:
            raise ProtocolError(ErrorCode.ENHANCE_YOUR_CALM, "a header block without end")
        self._parts.append(frame.payload)
        self.is_complete = bool(frame.flags & Flag.END_HEADERS)

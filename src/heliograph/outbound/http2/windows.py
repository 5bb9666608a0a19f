"""Flow control: what we may send, and what the peer may."""

from heliograph.outbound.http2.frames import LARGEST_WINDOW_SIZE, ErrorCode, ProtocolError


def widened(window: int, increment: int) -> int:
    """Return a send window after a WINDOW_UPDATE or a changed initial size.

    The result may be negative after the peer lowered its initial size.
    Raises ProtocolError for an overflow (RFC 9113, section 6.9.1).
    """
    window += increment
    if window > LARGEST_WINDOW_SIZE:
        raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "a send window overflowed")
    return window


class ReceiveWindow:
    """What the peer may still send to us, on one stream or on the connection."""

    __slots__ = ("_left", "_size", "_used")

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size
        self._used = 0

    def take(self, size: int) -> int:
        """Count received bytes, padding included; return how many to grant again.

        0 means that no WINDOW_UPDATE is due: half a window is returned at a
        time. Raises ProtocolError when the peer sent more than it was granted.
        """
        if size > self._left:
            raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "more data than was granted")
        self._left -= size
        self._used += size
        if self._used * 2 < self._size:
            return 0
        granted = self._used
        self._left += granted
        self._used = 0
        return granted

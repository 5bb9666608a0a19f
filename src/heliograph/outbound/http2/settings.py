"""What a sender may be told, and what the peer tells us."""

from dataclasses import dataclass

from heliograph.outbound.http2.frames import (
    DEFAULT_MAX_FRAME_SIZE,
    DEFAULT_WINDOW_SIZE,
    LARGEST_MAX_FRAME_SIZE,
    LARGEST_WINDOW_SIZE,
    ErrorCode,
    ProtocolError,
    Setting,
)

_LONGEST_DEAD_PEER_TIMEOUT_S = 15.0
_DEFAULT_HEADER_TABLE_SIZE = 4096
_UNLIMITED = 2**32


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """How one sender behaves.

    connect_timeout_s: name lookup, TCP, TLS and the server's first SETTINGS
    together. ping_interval_s: silence after which an idle connection is
    probed. dead_peer_timeout_s: silence after which a connection that owes us
    something is given up; the probe goes out at half of it.

    max_connections: how many may be open side by side; a further one is opened
    only while every other is at its stream limit. max_streams: our own cap per
    connection, beside the server's. streams_before_settings: how many requests
    may leave before the server's first SETTINGS came; 0 waits for them, which
    costs a round trip, but what fails until then was certainly not processed.
    first_request_alone: one stream at a time until a request was accepted, on
    each connection, which APNs asks for with token authentication.

    max_refusals: how often a request that the server refused is sent again, and
    how many connections in a row may end without one reply. max_body_bytes: of
    a reply.

    Raises ValueError for a value that cannot work.
    """

    connect_timeout_s: float = 10.0
    ping_interval_s: float = 60.0
    dead_peer_timeout_s: float = 15.0
    max_connections: int = 4
    max_streams: int = 1000
    streams_before_settings: int = 0
    first_request_alone: bool = False
    max_refusals: int = 2
    max_body_bytes: int = 16_384

    def __post_init__(self) -> None:
        if not 0 < self.dead_peer_timeout_s <= _LONGEST_DEAD_PEER_TIMEOUT_S:
            raise ValueError("dead_peer_timeout_s must be above 0 and at most 15")
        if min(self.connect_timeout_s, self.ping_interval_s) <= 0:
            raise ValueError("connect_timeout_s and ping_interval_s must be above 0")
        if min(self.max_connections, self.max_streams) < 1:
            raise ValueError("max_connections and max_streams must be at least 1")
        if min(self.streams_before_settings, self.max_refusals, self.max_body_bytes) < 0:
            raise ValueError("streams, refusals and body bytes must not be negative")


class PeerSettings:
    """The server's settings as they stand now; every SETTINGS frame may move them."""

    __slots__ = (
        "header_table_size",
        "initial_window_size",
        "max_concurrent_streams",
        "max_frame_size",
        "max_header_list_size",
    )

    def __init__(self) -> None:
        self.header_table_size = _DEFAULT_HEADER_TABLE_SIZE
        self.max_concurrent_streams = _UNLIMITED
        self.initial_window_size = DEFAULT_WINDOW_SIZE
        self.max_frame_size = DEFAULT_MAX_FRAME_SIZE
        self.max_header_list_size = _UNLIMITED

    def change(self, key: int, value: int) -> None:
        """Take over one value; raises ProtocolError for one the RFC forbids.

        Source: RFC 9113, section 6.5.2.
        """
        match key:
            case Setting.HEADER_TABLE_SIZE:
                self.header_table_size = value
            case Setting.ENABLE_PUSH:
                if value:
                    raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a server cannot ask for pushes")
            case Setting.MAX_CONCURRENT_STREAMS:
                self.max_concurrent_streams = value
            case Setting.INITIAL_WINDOW_SIZE:
                if value > LARGEST_WINDOW_SIZE:
                    raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "initial window too large")
                self.initial_window_size = value
            case Setting.MAX_FRAME_SIZE:
                if not DEFAULT_MAX_FRAME_SIZE <= value <= LARGEST_MAX_FRAME_SIZE:
                    raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "frame size out of range")
                self.max_frame_size = value
            case Setting.MAX_HEADER_LIST_SIZE:
                self.max_header_list_size = value
            case _:
                pass  # Unknown settings must be ignored.

"""Our HTTP/2 sender."""

from heliograph.outbound.http2.sender import Http2Sender

__all__ = ["Http2Sender"]

"""One side's view of a stream, and how replies are spelled.

Source: RFC 9113, sections 5 and 6.9; RFC 7541, appendix A.
"""

from functools import lru_cache
from typing import Final

from heliograph.outbound.http2.frames import ErrorCode, StreamError
from heliograph.simulators.exchange import Field
from heliograph.simulators.header_reader import Head

CREDIT_AFTER_BYTES: Final = 16_384
"""Give back a window's credit once this much of it is used."""

# Longer bodies than any provider takes are counted but not kept.
_BODY_KEPT_BYTES: Final = 65_536
# The statuses of the static table; all others are a literal under the name of entry 8.
_STATUS_ENTRIES: Final = {200: 8, 204: 9, 206: 10, 304: 11, 400: 12, 404: 13, 500: 14}
_LITERAL: Final = b"\x00"
_LONG_FORM: Final = 0x7F


class Stream:
    """A request on its way in, or its reply on its way out.

    receivable: bytes the peer may still send here, of a whole `window`. sendable: bytes we may
    still send here.
    unsent: what of the reply's body waits for the peer's window.
    """

    __slots__ = (
        "body", "content_length", "head", "id", "is_complete", "receivable", "sendable", "size",
        "unsent", "window",
    )  # fmt: skip

    def __init__(self, stream_id: int, head: Head, sendable: int, window: int) -> None:
        self.id = stream_id
        self.head = head
        self.body: list[bytes] = []
        self.size = 0
        self.content_length = head.headers.get(b"content-length")
        self.is_complete = False
        self.receivable = self.window = window
        self.sendable = sendable
        self.unsent = b""

    def receive(self, content: bytes, size: int) -> None:
        """Take a DATA frame of `size` bytes, padding included."""
        if self.is_complete:
            raise StreamError(self.id, ErrorCode.STREAM_CLOSED, "DATA after the end")
        self.receivable -= size
        if self.receivable < 0:
            raise StreamError(self.id, ErrorCode.FLOW_CONTROL_ERROR, "the window is passed")
        if self.size < _BODY_KEPT_BYTES:
            self.body.append(content)
        self.size += len(content)

    def credit(self) -> int:
        """Return how much of the window to give back now; 0 if not yet."""
        used = self.window - self.receivable
        if used < min(CREDIT_AFTER_BYTES, self.window):
            return 0
        self.receivable += used
        return used

    def resize(self, window: int) -> None:
        """Take a new size of the window, which the peer has acknowledged."""
        self.receivable += window - self.window
        self.window = window

    @property
    def is_misdeclared(self) -> bool:
        """Whether the body that came is not as long as `content-length` said."""
        declared = self.content_length
        return declared is not None and not (declared.isdigit() and int(declared) == self.size)


def reply_block(status: int, fields: tuple[Field, ...]) -> bytes:
    """Spell a reply's header block.

    It uses no dynamic table, so that it stands alone whatever table size the peer allows.
    """
    if len(fields) == 1:
        name, value = fields[0]
        return _status_line(status) + _before(name, len(value)) + value
    return b"".join(
        [_status_line(status)]
        + [part for name, value in fields for part in (_before(name, len(value)), value)]
    )


@lru_cache(maxsize=600)
def _status_line(status: int) -> bytes:
    entry = _STATUS_ENTRIES.get(status)
    if entry is not None:
        return bytes([0x80 | entry])
    return b"\x08\x03" + str(status).encode()


@lru_cache(maxsize=1024)
def _before(name: bytes, size: int) -> bytes:
    """Spell what stands before a value of this size."""
    return _LITERAL + _length(len(name)) + name + _length(size)


def _length(size: int) -> bytes:
    """Spell the length of a string that is not Huffman-coded."""
    if size < _LONG_FORM:
        return bytes((size,))
    rest, spelled = size - _LONG_FORM, bytearray([_LONG_FORM])
    while rest >= 0x80:  # noqa: PLR2004 - seven bits to a byte
        spelled.append(rest & 0x7F | 0x80)
        rest >>= 7
    spelled.append(rest)
    return bytes(spelled)

"""Header blocks of replies: the status at a glance, the fields when somebody asks.

Source: RFC 7541.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from hpack import Decoder
from hpack.exceptions import HPACKError
from hpack.table import HeaderTable

from heliograph.outbound.http2.frames import ErrorCode, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATUS: Final = ":status"
_STATUS_DIGITS: Final = 3
_INDEXED: Final = 0x80
_STATUS_ENTRIES: Final = {
    index: int(value)
    for index, (name, value) in enumerate(HeaderTable.STATIC_TABLE, 1)
    if name == _STATUS.encode()
}
_BY_FIRST_BYTE: Final = {_INDEXED | index: status for index, status in _STATUS_ENTRIES.items()}
# A literal whose name is a static ":status": inserted, not indexed, never indexed.
_LITERAL_STATUS: Final = frozenset(
    pattern | index for pattern in (0x40, 0x00, 0x10) for index in _STATUS_ENTRIES
)
_LENGTH_BITS: Final = 0x7F


def status_of(block: bytes) -> int:
    """Read the status off a block that stands alone; 0 where its first field does not tell.

    Good for blocks made after the peer acknowledged a header table of size 0.
    """
    first = block[0] if block else 0
    if first & _INDEXED:
        return _BY_FIRST_BYTE.get(first, 0)
    if first in _LITERAL_STATUS and len(block) > 1:
        return _literal_status(block[: 2 + (block[1] & _LENGTH_BITS)])
    return 0


def fields_of(block: bytes) -> Mapping[str, str]:
    """Decode a block that stands alone, without its status.

    One that turns out to be unreadable has no fields: what the reply meant is
    known, and nothing that reads a reply expects an exception.
    """
    try:
        fields = _decode(_alone(), block)
    except ProtocolError:
        return {}
    fields.pop(_STATUS, None)
    return fields


class HeaderDecoder:
    """Reads the header blocks of replies.

    Until the peer has acknowledged that our table has no room, its blocks
    build on each other and all are decoded, in order. From then on each
    stands alone, and its fields wait until somebody asks.
    """

    def __init__(self) -> None:
        self._hpack = Decoder()
        self.is_stateless = False

    def forget_table(self) -> None:
        """Note that the peer acknowledged a header table of size 0."""
        _empty(self._hpack)
        self.is_stateless = True

    def read(self, block: bytes) -> tuple[int, Mapping[str, str] | bytes]:
        """Return status and fields; the status is 0 where the block states no valid one.

        Raises ProtocolError for a block that cannot be decoded.
        """
        if self.is_stateless and (status := status_of(block)):
            return status, block
        fields = _decode(self._hpack, block)
        return _valid_status(fields.pop(_STATUS, "")), fields

    def skip(self, block: bytes) -> None:
        """Keep the table in step with a block that nobody reads."""
        if not self.is_stateless:
            _decode(self._hpack, block)


@lru_cache(maxsize=2000)
def _literal_status(start: bytes) -> int:
    try:
        return _valid_status(_decode(_alone(), start).get(_STATUS, ""))
    except ProtocolError:
        return 0


def _valid_status(text: str) -> int:
    is_valid = len(text) == _STATUS_DIGITS and text.isascii() and text.isdecimal()
    return int(text) if is_valid else 0


def _alone() -> Decoder:
    decoder = Decoder()
    _empty(decoder)
    return decoder


def _empty(decoder: Decoder) -> None:
    decoder.header_table_size = 0
    decoder.max_allowed_table_size = 0


def _decode(decoder: Decoder, block: bytes) -> dict[str, str]:
    """Return all fields; raises ProtocolError for a block that cannot be decoded."""
    try:
        pairs = [(bytes(n), bytes(v)) for n, v in decoder.decode(block, raw=True)]
    except (HPACKError, IndexError, ValueError) as error:
        raise ProtocolError(ErrorCode.COMPRESSION_ERROR, "unreadable header block") from error
    fields: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields

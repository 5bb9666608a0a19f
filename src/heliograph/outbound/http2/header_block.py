"""Header blocks: our encoder with its table, and the reading of replies.

Source: RFC 7541.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from hpack import Decoder
from hpack.exceptions import HPACKError
from hpack.table import HeaderTable

from heliograph.outbound.http2.frames import ErrorCode, ProtocolError
from heliograph.outbound.http2.messages import Headers

_TABLE_LIMIT: Final = 4096  # what every decoder starts with; larger tables gain us nothing
_ENTRY_OVERHEAD: Final = 32
_STATIC: Final = tuple(HeaderTable.STATIC_TABLE)
_FIRST_DYNAMIC_INDEX: Final = len(_STATIC) + 1

_INDEXED: Final = 0x80
_INSERTED: Final = 0x40
_TABLE_SIZE_UPDATE: Final = 0x20
_NEVER_INDEXED: Final = 0x10
_STATUS_200: Final = b"\x88"  # the static entry ":status: 200"

_STATIC_FIELDS: Final = {field: index for index, field in enumerate(_STATIC, 1)}
_STATIC_NAMES: Final = {name: index for index, (name, _) in reversed([*enumerate(_STATIC, 1)])}

_STATUS_DIGITS: Final = 3

Field = tuple[bytes, bytes]


def encode_integer(value: int, prefix_bits: int, pattern: int) -> bytes:
    """Encode a number behind the `pattern` that fills its first byte's other bits."""
    largest = (1 << prefix_bits) - 1
    if value < largest:
        return bytes((pattern | value,))
    encoded = bytearray((pattern | largest,))
    value -= largest
    while value > 0x7F:  # noqa: PLR2004 - seven bits to a byte
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def encode_string(value: bytes) -> bytes:
    """Encode a string as it is: compressing tokens costs more time than it saves bytes."""
    return encode_integer(len(value), 7, 0) + value


def encode_literal(name: bytes, value: bytes, *, inserted: bool = False) -> bytes:
    """Encode a field with its value; unless `inserted`, no table may keep it."""
    pattern, bits = (_INSERTED, 6) if inserted else (_NEVER_INDEXED, 4)
    index = _STATIC_NAMES.get(name)
    if index is None:
        return encode_integer(0, bits, pattern) + encode_string(name) + encode_string(value)
    return encode_integer(index, bits, pattern) + encode_string(value)


def field_size(name: bytes, value: bytes) -> int:
    """Return the size of a field as tables and header list limits count it."""
    return len(name) + len(value) + _ENTRY_OVERHEAD


class HeaderEncoder:
    """Encodes request headers; fields shared by many requests become one byte each.

    Blocks must reach the peer in the order in which they were made.
    """

    def __init__(self, authority: bytes) -> None:
        self._authority = authority
        self._entries: list[Field] = []  # oldest first
        self._size = 0
        self._limit = _TABLE_LIMIT
        self._limit_changes: list[int] = []
        self._known: tuple[bytes, Headers] | None = None
        self._before_path = b""
        self._after_path = b""

    def change_table_limit(self, peer_limit: int) -> None:
        """Obey the peer's HEADER_TABLE_SIZE from the next block on."""
        limit = min(peer_limit, _TABLE_LIMIT)
        if limit == self._limit:
            return
        # The smallest limit in between must be announced as well, because the
        # peer evicted down to it (RFC 7541, section 4.2).
        smallest = min([limit, *self._limit_changes])
        self._limit_changes = [smallest] if smallest == limit else [smallest, limit]
        self._limit = limit
        self._evict(limit)
        self._known = None

    def encode(self, method: bytes, path: bytes, shared: Headers, own: Headers) -> bytes:
        """Build the header block of one request."""
        known = self._known
        if known is not None and known[1] is shared and known[0] == method:
            block = self._before_path + encode_literal(b":path", path) + self._after_path
        else:
            block = self._introduce(method, path, shared)
        if own:
            block += b"".join([encode_literal(name, value) for name, value in own])
        return block

    def _introduce(self, method: bytes, path: bytes, shared: Headers) -> bytes:
        """Build a block that puts what is shared into the table, and remember its short form."""
        updates = b"".join(encode_integer(x, 5, _TABLE_SIZE_UPDATE) for x in self._limit_changes)
        self._limit_changes = []
        pseudo = ((b":method", method), (b":scheme", b"https"), (b":authority", self._authority))
        before = b"".join([self._insert(field) for field in pseudo])
        after = b"".join([self._insert(field) for field in shared])
        # Only now: every insertion above moved the indices of what was in before.
        self._before_path = b"".join([self._short(field) for field in pseudo])
        self._after_path = b"".join([self._short(field) for field in shared])
        self._known = (method, shared)
        return updates + before + encode_literal(b":path", path) + after

    def _short(self, field: Field) -> bytes:
        """Encode a field without changing the table."""
        index = _STATIC_FIELDS.get(field)
        if index is None and field in self._entries:
            newest_first = len(self._entries) - 1 - self._entries.index(field)
            index = _FIRST_DYNAMIC_INDEX + newest_first
        return encode_literal(*field) if index is None else encode_integer(index, 7, _INDEXED)

    def _insert(self, field: Field) -> bytes:
        """Encode a field so that the table holds it afterwards, if it has room for it."""
        size = field_size(*field)
        if field in _STATIC_FIELDS or field in self._entries or size > self._limit:
            return self._short(field)
        self._evict(self._limit - size)
        self._entries.append(field)
        self._size += size
        return encode_literal(*field, inserted=True)

    def _evict(self, size: int) -> None:
        while self._size > size:
            self._size -= field_size(*self._entries.pop(0))


class HeaderDecoder:
    """Reads the header blocks of replies.

    Until the peer has acknowledged that our table has no room, its blocks
    build on each other and all are decoded, in order. From then on each
    stands alone, and the fields of a plain 200 wait until somebody asks.
    """

    def __init__(self) -> None:
        self._hpack = Decoder()
        self._is_stateless = False

    def forget_table(self) -> None:
        """Note that the peer acknowledged a header table of size 0."""
        self._hpack.header_table_size = 0
        self._hpack.max_allowed_table_size = 0
        self._is_stateless = True

    def read(self, block: bytes) -> tuple[int, Mapping[str, str]]:
        """Return status and fields; the status is 0 where the block states no valid one.

        Raises ProtocolError for a block that cannot be decoded.
        """
        if self._is_stateless and block[:1] == _STATUS_200:
            return 200, _LazyFields(self, block)
        fields = self.decode(block)
        status = fields.pop(":status", "")
        is_valid = len(status) == _STATUS_DIGITS and status.isascii() and status.isdecimal()
        return int(status) if is_valid else 0, fields

    def skip(self, block: bytes) -> None:
        """Keep the table in step with a block that nobody reads."""
        if not self._is_stateless:
            self.decode(block)

    def decode(self, block: bytes) -> dict[str, str]:
        """Return all fields; raises ProtocolError for a block that cannot be decoded."""
        try:
            pairs = [(bytes(n), bytes(v)) for n, v in self._hpack.decode(block, raw=True)]
        except (HPACKError, IndexError, ValueError) as error:
            raise ProtocolError(ErrorCode.COMPRESSION_ERROR, "unreadable header block") from error
        fields: dict[str, str] = {}
        for raw_name, raw_value in pairs:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
        return fields


class _LazyFields(Mapping[str, str]):
    """The fields of a 200, decoded when first read.

    A block that turns out to be unreadable has no fields: the push was
    accepted, and nothing that reads a reply expects an exception.
    """

    __slots__ = ("_block", "_decoder", "_fields")

    def __init__(self, decoder: HeaderDecoder, block: bytes) -> None:
        self._decoder = decoder
        self._block = block
        self._fields: dict[str, str] | None = None

    def _decoded(self) -> dict[str, str]:
        if self._fields is None:
            try:
                self._fields = self._decoder.decode(self._block[1:])
            except ProtocolError:
                self._fields = {}
        return self._fields

    def __getitem__(self, name: str) -> str:
        return self._decoded()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decoded())

    def __len__(self) -> int:
        return len(self._decoded())

    def __repr__(self) -> str:
        return repr(self._decoded())

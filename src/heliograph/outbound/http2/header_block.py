"""Header blocks of requests: our encoder with its table.

Source: RFC 7541.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from hpack.table import HeaderTable

if TYPE_CHECKING:
    from heliograph.outbound.http2.messages import Headers

_TABLE_LIMIT: Final = 4096  # what every decoder starts with; larger tables gain us nothing
_ENTRY_OVERHEAD: Final = 32
_STATIC: Final = tuple(HeaderTable.STATIC_TABLE)
_FIRST_DYNAMIC_INDEX: Final = len(_STATIC) + 1
# Sets of shared headers whose short form is kept; more than are under way at once.
_MOST_KNOWN: Final = 64

_INDEXED: Final = 0x80
_INSERTED: Final = 0x40
_TABLE_SIZE_UPDATE: Final = 0x20
_NEVER_INDEXED: Final = 0x10

_STATIC_FIELDS: Final = {field: index for index, field in enumerate(_STATIC, 1)}
_STATIC_NAMES: Final = {name: index for index, (name, _) in reversed([*enumerate(_STATIC, 1)])}

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


@lru_cache(maxsize=1024)
def literal_opening(name: bytes, value_size: int) -> bytes:
    """Encode what stands before the value of a field that no table may keep.

    The value follows as it is: compressing tokens costs more time than it saves bytes.
    """
    return _literal_name(name, 4, _NEVER_INDEXED) + encode_integer(value_size, 7, 0)


def encode_literal(name: bytes, value: bytes) -> bytes:
    """Encode a field with its value so that no table keeps it."""
    return literal_opening(name, len(value)) + value


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
        self._known: dict[tuple[bytes, Headers], tuple[bytes, bytes]] = {}

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
        self._known.clear()

    def short_form(self, method: bytes, shared: Headers) -> tuple[bytes, bytes] | None:
        """Return what stands before and after `:path` in every further block of a kind.

        None for a kind that `encode` has to introduce first. What is returned
        is good until the next `encode` or `change_table_limit`.
        """
        return self._known.get((method, shared))

    def encode(self, method: bytes, path: bytes, shared: Headers, own: Headers) -> bytes:
        """Build the header block of one request."""
        known = self._known.get((method, shared))
        if known is None:
            block = self._introduce(method, path, shared)
        else:
            block = known[0] + encode_literal(b":path", path) + known[1]
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
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        # Only now: every insertion above moved the indices of what was in before.
        self._known[method, shared] = (
            b"".join([self._short(field) for field in pseudo]),
            b"".join([self._short(field) for field in shared]),
        )
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
        self._known.clear()
        self._evict(self._limit - size)
        self._entries.append(field)
        self._size += size
        name, value = field
        return _literal_name(name, 6, _INSERTED) + encode_integer(len(value), 7, 0) + value

    def _evict(self, size: int) -> None:
        while self._size > size:
            self._size -= field_size(*self._entries.pop(0))


def _literal_name(name: bytes, prefix_bits: int, pattern: int) -> bytes:
    index = _STATIC_NAMES.get(name)
    if index is not None:
        return encode_integer(index, prefix_bits, pattern)
    return encode_integer(0, prefix_bits, pattern) + encode_integer(len(name), 7, 0) + name

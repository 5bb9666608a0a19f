"""Header blocks of requests, read fast.

The tables and the Huffman code are the `hpack` library's; the walk over the block is ours,
because the library's takes several times as long and would make a fake slower than the
sender it is there to test.

Source: RFC 7541, section 6; RFC 9113, section 8.3.1.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from hpack.exceptions import HPACKError
from hpack.hpack import decode_integer
from hpack.huffman_table import decode_huffman
from hpack.table import HeaderTable

from heliograph.outbound.http2.frames import ErrorCode, ProtocolError, Setting
from heliograph.simulators.exchange import Field

TABLE_SIZE: Final = 4096
LONGEST_HEADER_LIST: Final = 65_536
HEADER_SETTINGS: Final = (
    (Setting.HEADER_TABLE_SIZE, TABLE_SIZE),
    (Setting.MAX_HEADER_LIST_SIZE, LONGEST_HEADER_LIST),
)
_ENTRY_OVERHEAD: Final = 32
_RUNS_REMEMBERED: Final = 256
_PATTERNS_REMEMBERED: Final = 4
_LONG_FORM: Final = 0x7F
_SIZE_UPDATE: Final = 0x20

_PSEUDO: Final = frozenset({b":method", b":scheme", b":path", b":authority"})
_HOP_BY_HOP: Final = frozenset(
    {b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"}
)


@dataclass(frozen=True, slots=True, eq=False)
class HeaderPattern:
    """How the blocks of a sender's requests look that differ in path and one header only.

    Both values stand in the block as they are, the header's at its end. path_at, path_end:
    where the path is; between: what stands between it and the header's value.
    """

    size: int
    before: bytes
    path_at: int
    path_end: int
    between: bytes
    own_at: int
    own_name: bytes
    method: bytes
    headers: dict[bytes, bytes]


class Head(NamedTuple):
    """The checked header section of a request."""

    method: bytes
    path: bytes
    headers: dict[bytes, bytes]
    is_ambiguous: bool
    pattern: HeaderPattern | None = None


class HeaderReader:
    """Decodes one connection's header blocks, in order."""

    def __init__(self) -> None:
        self._table = HeaderTable()
        # What runs of one-byte indexes stand for while the table stays as it is: senders
        # repeat the same headers push after push.
        self._runs: dict[bytes, tuple[list[Field], int]] = {}
        self._patterns: list[HeaderPattern] = []
        # Of the block read last: itself, and the values that stand in it as they are and
        # changed nothing, with their ends. None if it changed the table.
        self._last: tuple[bytes, dict[bytes, int]] | None = None

    def match(self, block: bytes) -> Head | None:
        """Read a request whose block looks like a former one; None if it doesn't.

        That skips decoding and checking, which cost more than all else a fake does.
        """
        size = len(block)
        for pattern in self._patterns:
            if (
                size == pattern.size
                and block.startswith(pattern.before)
                and block[pattern.path_end : pattern.own_at] == pattern.between
            ):
                headers = pattern.headers.copy()
                headers[pattern.own_name] = block[pattern.own_at :]
                path = block[pattern.path_at : pattern.path_end]
                return Head(pattern.method, path, headers, False, pattern)  # noqa: FBT003
        return None

    def check(self, fields: list[Field]) -> Head | None:
        """Check the request that was read last, and know its like from now on."""
        head = check_request(fields)
        if head is None or head.is_ambiguous or self._last is None:
            return head
        block, ends = self._last
        path_end, (own_name, _) = ends.get(b":path"), fields[-1]
        if path_end is None or own_name[:1] == b":" or ends.get(own_name) != len(block):
            return head
        path_at, own_at = path_end - len(head.path), len(block) - len(head.headers[own_name])
        pattern = HeaderPattern(
            size=len(block),
            before=block[:path_at],
            path_at=path_at,
            path_end=path_end,
            between=block[path_end:own_at],
            own_at=own_at,
            own_name=own_name,
            method=head.method,
            headers=head.headers,
        )
        self._patterns = [pattern, *self._patterns[: _PATTERNS_REMEMBERED - 1]]
        return head._replace(pattern=pattern)

    def read(self, block: bytes) -> list[Field]:
        """Decode a whole block; raises ProtocolError, after which the connection is lost."""
        try:
            return self._walk(block)
        except (HPACKError, IndexError, ValueError) as error:
            raise ProtocolError(ErrorCode.COMPRESSION_ERROR, "unreadable header block") from error

    def _walk(self, block: bytes) -> list[Field]:
        fields: list[Field] = []
        plain_ends: dict[bytes, int] = {}
        changes_table = False
        look_up = self._table.get_by_index
        offset, end, size = 0, len(block), 0
        while offset < end:
            first = block[offset]
            if first & 0x80:
                run = _short_indexes(block, offset)
                if run is not None:
                    found, cost = self._look_up_run(run[0])
                    fields += found
                    size += cost
                    offset = run.end()
                    continue
                index, used = _integer(block, offset, 7)
                offset += used
                name, value = look_up(index)
            elif first & 0xE0 == _SIZE_UPDATE:
                offset += self._resize(block, offset, is_first=not fields)
                changes_table = True
                continue
            else:
                is_indexed = first & 0x40
                index, used = _integer(block, offset, 6 if is_indexed else 4)
                offset += used
                if index:
                    name = look_up(index)[0]
                else:
                    name, offset = _text(block, offset)
                is_plain = not (is_indexed or block[offset] & 0x80)
                value, offset = _text(block, offset)
                if is_plain:
                    plain_ends[name] = offset
                if is_indexed:
                    self._table.add(name, value)
                    self._forget_runs()
                    changes_table = True
            size += len(name) + len(value) + _ENTRY_OVERHEAD
            fields.append((name, value))
        if size > LONGEST_HEADER_LIST:
            raise ProtocolError(ErrorCode.ENHANCE_YOUR_CALM, "the header list is too long")
        self._last = None if changes_table else (block, plain_ends)
        return fields

    def _forget_runs(self) -> None:
        self._runs.clear()
        self._patterns.clear()

    def _resize(self, block: bytes, offset: int, *, is_first: bool) -> int:
        size, used = _integer(block, offset, 5)
        if not is_first or size > TABLE_SIZE:
            raise ProtocolError(ErrorCode.COMPRESSION_ERROR, "a wrong table size update")
        self._table.maxsize = size
        self._forget_runs()
        return used

    def _look_up_run(self, run: bytes) -> tuple[list[Field], int]:
        known = self._runs.get(run)
        if known is None:
            if len(self._runs) >= _RUNS_REMEMBERED:
                self._runs.clear()
            fields: list[Field] = [self._table.get_by_index(byte & 0x7F) for byte in run]
            cost = sum(len(name) + len(value) + _ENTRY_OVERHEAD for name, value in fields)
            self._runs[run] = known = fields, cost
        return known


def check_request(fields: list[Field]) -> Head | None:
    """Check the rules for a request's header section; None if it breaks one of them."""
    pseudo: dict[bytes, bytes] = {}
    headers: dict[bytes, bytes] = {}
    position = 0
    for position, (name, value) in enumerate(fields):  # noqa: B007 - used after the loop
        if name[:1] != b":":
            break
        if name not in _PSEUDO or name in pseudo:
            return None
        pseudo[name] = value
    else:
        position = len(fields)
    for name, value in fields[position:]:
        if not _is_plain_name(name) or (name == b"te" and value != b"trailers"):
            return None
        headers[name] = value
    method, path = pseudo.get(b":method"), pseudo.get(b":path")
    if not method or not path or b":scheme" not in pseudo:
        return None
    return Head(method, path, headers, len(headers) != len(fields) - position)


@lru_cache(maxsize=1024)
def _is_plain_name(name: bytes) -> bool:
    """Say whether a regular header of an HTTP/2 request may have this name."""
    return (
        name == name.lower()
        and name not in _HOP_BY_HOP
        and bool(name)
        and all(0x21 <= byte < 0x7F and byte != 0x3A for byte in name)  # noqa: PLR2004 - a token's bytes
    )


_short_indexes: Final = re.compile(rb"[\x80-\xfe]+").match
_unpacked: Final = lru_cache(maxsize=4096)(decode_huffman)


def _integer(block: bytes, offset: int, bits: int) -> tuple[int, int]:
    mask = (1 << bits) - 1
    value = block[offset] & mask
    if value != mask:
        return value, 1
    number, used = decode_integer(block[offset : offset + 8], bits)
    return number, used


def _text(block: bytes, offset: int) -> tuple[bytes, int]:
    first = block[offset]
    length = first & _LONG_FORM
    start = offset + 1
    if length == _LONG_FORM:
        length, used = _integer(block, offset, 7)
        start = offset + used
    end = start + length
    text = block[start:end]
    if len(text) != length:
        raise ProtocolError(ErrorCode.COMPRESSION_ERROR, "a truncated header block")
    return (_unpacked(text) if first & 0x80 else text), end

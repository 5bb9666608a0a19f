"""Where a list goes on."""

from __future__ import annotations

import base64
import binascii

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.ids import Id

_ID_BYTES = 16


def to_id_cursor(text: str | None) -> Id | None:
    """Read the cursor of a list in the order of ids; raises InvalidRequest."""
    return None if text is None else Id(read_cursor(text, _ID_BYTES))


def write_cursor(raw: bytes) -> str:
    """Spell where a list goes on."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_cursor(text: str, size: int) -> bytes:
    """Read `size` bytes from a cursor; raises InvalidRequest."""
    padded = text + "=" * (-len(text) % 4)
    try:
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != size:
        expected = "the `next` of an earlier answer"
        raise InvalidRequest([Problem(("cursor",), ProblemKind.MALFORMED, expected)])
    return raw

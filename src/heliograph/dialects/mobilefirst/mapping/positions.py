"""Positions: where a list goes on, as links carry it beside `offset`.

With an offset alone a server counts up to it. A position says which item the
page follows, or precedes, so that the last page costs what the first one
does. It is signed, and good for the list and the offset that it was made for.
Source: docs/dialects/mobilefirst.md, "Lists".
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind

if TYPE_CHECKING:
    from heliograph.core.ids import Id
    from heliograph.core.model.listing import Window

PURPOSE = "mobilefirst:position"

_HEAD_BYTES = 8
_AFTER, _BEFORE = b"a", b"b"


def after(application_id: Id, collection: str, offset: int, key: bytes) -> bytes:
    """Say what a page follows, that begins at an offset."""
    return _head(application_id, collection, offset) + _AFTER + key


def before(application_id: Id, collection: str, offset: int, key: bytes) -> bytes:
    """Say what a page precedes, that begins at an offset."""
    return _head(application_id, collection, offset) + _BEFORE + key


def placed(window: Window, payload: bytes | None, application_id: Id, collection: str) -> Window:
    """Place a window by a position. payload: None for one that we did not sign.

    Raises InvalidRequest for what no link of this list has.
    """
    head = _head(application_id, collection, window.offset)
    if payload is None or not payload.startswith(head):
        expected = "what a link of this list has beside its offset, or absent"
        raise InvalidRequest([Problem(("position",), ProblemKind.MALFORMED, expected)])
    side, key = payload[len(head) : len(head) + 1], payload[len(head) + 1 :]
    if side == _BEFORE:
        return window._replace(before=key)
    return window._replace(after=key)


def _head(application_id: Id, collection: str, offset: int) -> bytes:
    where = application_id + collection.encode() + offset.to_bytes(8, "big")
    return hashlib.sha256(where).digest()[:_HEAD_BYTES]

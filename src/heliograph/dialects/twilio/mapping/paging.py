"""Page tokens: opaque, signed, and bound to the list and the filters that they came with."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.ids import Id
from heliograph.core.model.recipient import Place

if TYPE_CHECKING:
    from heliograph.core.model.identity import ClientPrincipal
    from heliograph.dialects.twilio.schemas.wire import PageQuery

PAGE_PURPOSE = "twilio-page"
"""What page tokens are signed for."""

Filters = tuple[tuple[str, str | None], ...]
"""What a page token is bound to."""

_DIGEST_BYTES = 16
_ID_BYTES = 16
_PAGE = frozenset({"page_token", "page_size"})


def to_filters(name: str, query: PageQuery, principal: ClientPrincipal) -> Filters:
    """Say what a page token is bound to: the list, whose it is, and its filters."""
    given = query.model_dump(mode="json", by_alias=True, exclude=set(_PAGE))
    scope = principal.client.application_id or principal.account_id
    return (
        ("list", name),
        ("scope", scope.hex()),
        *((key, None if value is None else str(value)) for key, value in sorted(given.items())),
    )


def pack(behind: bytes, filters: Filters) -> bytes:
    """Pack a page token: the filters' digest, and what the page begins behind; empty: nothing."""
    digest = hashlib.sha256(json.dumps(filters).encode()).digest()
    return digest[:_DIGEST_BYTES] + behind


def unpack(payload: bytes | None, filters: Filters) -> bytes:
    """Unpack a page token: what the page begins behind; empty for the first page.

    payload: None where the token is none of ours. Raises InvalidRequest,
    also for a token that came with other filters.
    """
    if payload is None or payload[:_DIGEST_BYTES] != pack(b"", filters):
        expected = "a token that this list gave for the same filters"
        raise InvalidRequest([Problem(("pageToken",), ProblemKind.MALFORMED, expected)])
    return payload[_DIGEST_BYTES:]


def from_place(place: Place | None) -> bytes:
    """Spell a recipient's place."""
    return b"" if place is None else place.notification_id + place.ordinal.to_bytes(2, "big")


def to_place(behind: bytes) -> Place | None:
    """Read a recipient's place; None for the start."""
    if not behind:
        return None
    return Place(Id(behind[:_ID_BYTES]), int.from_bytes(behind[_ID_BYTES:], "big"))


def to_id(behind: bytes) -> Id | None:
    """Read an id; None for the start."""
    return Id(behind) if behind else None

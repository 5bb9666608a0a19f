"""Pages of lists: queries in, `pageInfo` out; and what all answers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

from pydantic import ValidationError

from heliograph.core.errors import InvalidRequest
from heliograph.core.model.listing import Listed, Window
from heliograph.dialects.mobilefirst.schemas.wire import PageInfo, Wire
from heliograph.web.schemas import problems_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.dialects.mobilefirst.schemas.wire import PageQuery

Q = TypeVar("Q", bound=Wire)
T = TypeVar("T")

MAX_PAGE = 5000
"""Items in one page, whatever `size` says: what one answer may cost."""

CREATED_MODE = "API"

_OF_THE_PAGE = frozenset({"offset", "size", "position"})

ANONYMOUS = "anonymous"
"""Whose a device is that nobody owns: SDKs compare with this very word."""


@dataclass(frozen=True, slots=True)
class Place:
    """One collection of one application, as links to it begin: `…/apps/myapp/devices`."""

    url: str

    def link(self, *names: str) -> str:
        """Link to a member."""
        return "/".join([self.url, *(quote(name, safe="") for name in names)])

    def query_link(self, **parameters: str) -> str:
        """Link to what a query selects."""
        return f"{self.url}?{urlencode(parameters, quote_via=quote)}"


def to_query(pairs: Sequence[tuple[str, str]], schema: type[Q]) -> Q:
    """Read a list's query; of repeated parameters the last counts.

    Raises InvalidRequest with every problem.
    """
    try:
        return schema.model_validate_strings(dict(pairs))
    except ValidationError as error:
        raise InvalidRequest(problems_of(error)) from error


def to_window(query: PageQuery) -> Window:
    """Say which part of a list a query wants."""
    return Window(query.offset, min(query.size, MAX_PAGE))


def page_info(
    window: Window, listed: Listed[Any], place: Place, pairs: Sequence[tuple[str, str]]
) -> PageInfo:
    """Say where a page stands, with links that carry on the request's criteria."""
    criteria = [(name, value) for name, value in pairs if name not in _OF_THE_PAGE]

    def link(offset: int) -> str:
        at = [*criteria, ("offset", str(offset)), ("size", str(window.limit))]
        return f"{place.url}?{urlencode(at, quote_via=quote)}"

    return PageInfo(
        count=str(len(listed.items)),
        totalCount=str(listed.total),
        next=link(window.offset + len(listed.items)) if listed.has_more else "",
        previous=link(max(0, window.offset - window.limit)) if window.offset else "",
    )


def with_positions(info: PageInfo, following: str | None, preceding: str | None) -> PageInfo:
    """Add positions to links. Spelled in letters that a URL takes as they are."""
    links = {
        name: f"{link}&position={position}"
        for name, link, position in (
            ("next", info.next, following),
            ("previous", info.previous, preceding),
        )
        if position is not None
    }
    return info.model_copy(update=links)


def sliced(items: Sequence[T], window: Window) -> Listed[T]:
    """Cut a part from a list that is at hand whole."""
    shown = items[window.offset : window.offset + window.limit]
    return Listed(shown, window.offset + len(shown) < len(items), len(items))


def timestamp(instant: datetime) -> str:
    """Spell a time as the vendor does: UTC, whole seconds, Z."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def wire(answer: Wire) -> dict[str, Any]:
    """Spell an answer; what is None is left out."""
    return answer.model_dump(mode="json", by_alias=True, exclude_none=True)

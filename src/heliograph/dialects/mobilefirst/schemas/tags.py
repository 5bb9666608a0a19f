"""Bodies of tags."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from heliograph.core.errors import ProblemKind
from heliograph.dialects.mobilefirst.schemas.wire import Name, PageInfo, PositionedQuery, Wire
from heliograph.web.schemas import Text, custom_error


def _one_segment(name: str) -> str:
    if "/" in name:
        raise custom_error(ProblemKind.MALFORMED, "free of slashes")
    return name


def _is_on(text: object) -> object:
    """Read a flag that one page shows as a number: any but 0 means yes."""
    if not isinstance(text, str):
        return text
    if text.isascii() and text.isdecimal():
        return text.strip("0") != ""
    return {"true": True, "false": False}.get(text.lower(), text)


TagName = Annotated[Name, AfterValidator(_one_segment)]


class TagBody(Wire):
    """The body of `POST …/tags`."""

    name: TagName
    description: Text | None = None


class TagChanges(Wire):
    """The body of `PUT …/tags/{tagName}`; what is absent or null stays as it is."""

    name: Name | None = None
    description: Text | None = None


class TagQuery(PositionedQuery):
    """The query of `GET …/tags`."""

    subscription_count: Annotated[bool, BeforeValidator(_is_on)] = False


class Tag(Wire):
    """A tag; every value is a string, because one SDK reads it as such a map."""

    name: str
    description: str
    created_mode: str
    created_time: str
    last_updated_time: str
    href: str
    uri: str
    subscription_count: dict[str, int] | None = None


class TagList(Wire):
    """A page of tags."""

    tags: tuple[Tag, ...]
    page_info: PageInfo

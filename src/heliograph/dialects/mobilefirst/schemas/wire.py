"""What all of the vendor's bodies and queries share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from heliograph.core.errors import ProblemKind
from heliograph.core.registrations.tokens import has_control_characters
from heliograph.web.schemas import MAX_INT64, Schema, custom_error

MAX_NAME_CHARS = 255
MAX_USER_ID_CHARS = 254
DEFAULT_SIZE = 500
MAX_POSITION_CHARS = 256


def _printable(text: str) -> str:
    if has_control_characters(text):
        raise custom_error(ProblemKind.MALFORMED, "free of control characters")
    return text


Line = Annotated[str, Field(max_length=MAX_NAME_CHARS), AfterValidator(_printable)]
"""One line of text, perhaps empty."""

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS), AfterValidator(_printable)]
"""A device's id, or a tag's name."""

UserId = Annotated[str, Field(max_length=MAX_USER_ID_CHARS), AfterValidator(_printable)]
"""A user's id; empty means none."""


def _unquoted(value: object) -> object:
    """Read a flag that the reference prints in quotes."""
    if not isinstance(value, str):
        return value
    return {"true": True, "false": False}.get(value.lower(), value)


Flag = Annotated[bool, BeforeValidator(_unquoted)]
"""True or false, perhaps in quotes."""


def _in_capitals(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _in_small(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


CAPITALS = BeforeValidator(_in_capitals)
SMALL = BeforeValidator(_in_small)
"""For words whose letters' case doesn't count: SDKs write what the reference writes otherwise."""


def quoted(flag: bool) -> str:
    """Spell a flag as the reference prints it."""
    return "true" if flag else "false"


class Wire(Schema):
    """Names in camelCase. Unknown ones are ignored: the vendor's own SDKs send some."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, populate_by_name=False)


class PageQuery(Wire):
    """The query of every list, but for its filters. Both spellings of expand are printed."""

    offset: Annotated[int, Field(ge=0, le=MAX_INT64)] = 0
    size: Annotated[int, Field(gt=0)] = DEFAULT_SIZE
    expand: bool = False
    expend: bool = False

    @property
    def is_expanded(self) -> bool:
        """Say whether items carry their metadata."""
        return self.expand or self.expend


class PositionedQuery(PageQuery):
    """The query of a list that may be long. position: from a link, where the page begins."""

    position: Annotated[str, Field(max_length=MAX_POSITION_CHARS)] | None = None


class PageInfo(Wire):
    """Where a page stands in its list. Numbers are quoted, as documented."""

    count: str
    total_count: str
    next: str
    previous: str


class Failure(Wire):
    """The body of every error."""

    message: str
    code: str
    doc_url: str

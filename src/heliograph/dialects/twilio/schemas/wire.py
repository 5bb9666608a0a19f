"""What the schemas of all resources share: ids, names, times, pages and answers to writes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from heliograph.core.errors import ProblemKind
from heliograph.web.schemas import Schema, custom_error

Provider = Literal["APN", "FCM"]
CredentialType = Literal["APN", "APN_SANDBOX", "FCM"]

AppName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9_]+$")]
"""What an application is called here; the App's id as well."""

PushUserId = Annotated[
    str, Field(pattern=r"^comms_pushnotificationuser_[0-7][a-hjkmnpqrstv-z0-9]{25,34}")
]
"""A user's id. The published pattern leaves its end open, and so do we."""

OperationId = Annotated[str, Field(pattern=r"^comms_operation_[0-7][a-hjkmnpqrstv-z0-9]{25,34}")]

CredentialId = Annotated[str, Field(pattern=r"^comms_credential_[a-hjkmnpqrstv-z0-9]{26,34}$")]

MAX_PAGE_SIZE = 1000
DEFAULT_PAGE_SIZE = 50

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d{1,6})?\d*(?:([Zz])|([+-]\d\d:\d\d))"
)
_A_TIME = "a date and time such as 2030-01-02T03:04:05Z"


def _no_null(value: object) -> object:
    if value is None:
        raise custom_error(ProblemKind.WRONG_TYPE, "a string, or absent")
    return value


def read_time(value: object) -> datetime:
    """Read a time. Source: RFC 3339 section 5.6."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise custom_error(ProblemKind.MALFORMED, _A_TIME)
    day, clock, fraction, zulu, offset = found.groups()
    try:
        return datetime.fromisoformat(f"{day}T{clock}{fraction or ''}{'Z' if zulu else offset}")
    except ValueError:
        raise custom_error(ProblemKind.MALFORMED, _A_TIME) from None


Time = Annotated[
    datetime,
    BeforeValidator(read_time, json_schema_input_type=str),
    Field(json_schema_extra={"format": "date-time"}),
]

OptionalUserId = Annotated[PushUserId | None, BeforeValidator(_no_null)]
"""A user's id, or absent. Null is neither: the published schema has a plain string."""


def sized(least: int, most: int | None = None) -> Any:
    """Bound how many items an array or object has, by what is sent: bad items count as well."""

    def count(value: object) -> object:
        size = len(value) if isinstance(value, list | dict) else least
        if size < least:
            raise custom_error(ProblemKind.TOO_SHORT, f"{least} or more items")
        if most is not None and size > most:
            raise custom_error(ProblemKind.TOO_MANY, f"at most {most} items")
        return value

    return BeforeValidator(count)


class Question(Schema):
    """Unknown properties and parameters are ignored, as the published schemas permit them.

    Read by the wire's names only: `app_name` is an unknown property.
    """

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, populate_by_name=False)


class Answer(Schema):
    """Made by our names, written by the wire's."""

    model_config = ConfigDict(alias_generator=to_camel)


class PageQuery(Question):
    """Which page of a list."""

    page_token: str | None = None
    page_size: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = DEFAULT_PAGE_SIZE


class DatedQuery(PageQuery):
    """And of when."""

    start_date: Time | None = None
    end_date: Time | None = None


class NamedResource(Answer):
    """The answer to every write: what it made, changed or deleted, and where that is."""

    resource_id: str
    resource_location: str


class NamedOperation(Answer):
    """The answer to a send: which operation it is, and where that is."""

    operation_id: str
    operation_location: str


class Pagination(Answer):
    """Tokens of the page that follows, null after the last, and of this one."""

    next: str | None
    self: str

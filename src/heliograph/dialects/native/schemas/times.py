"""Times in requests: RFC 3339, with the offset from UTC that makes them one instant."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from heliograph.core.errors import ProblemKind
from heliograph.web.schemas import custom_error

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?P<offset>[Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
_UNKNOWN = "-00:00"
"""What a local time of nobody knows where carries. Source: RFC 3339 section 4.3."""

EXAMPLE = "2026-01-02T03:04:05+01:00"


def to_instant(text: object) -> datetime:
    """Read a time as aware UTC in whole milliseconds; raises pydantic's error for none."""
    if not isinstance(text, str):
        raise custom_error(ProblemKind.WRONG_TYPE, "a string")
    found = _TIME.fullmatch(text)
    if found is None:
        expected = f"a time as RFC 3339 has it, such as {EXAMPLE}"
        raise custom_error(ProblemKind.MALFORMED, expected)
    if found["offset"] in (None, _UNKNOWN):
        expected = f"a time with its offset from UTC, such as {EXAMPLE}; a local time is no instant"
        raise custom_error(ProblemKind.MALFORMED, expected)
    try:
        instant = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        expected = f"a time that there is, such as {EXAMPLE}"
        raise custom_error(ProblemKind.MALFORMED, expected) from error
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


Moment = Annotated[
    datetime,
    BeforeValidator(to_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An instant; read as aware UTC."""

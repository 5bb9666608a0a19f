"""When a reply asks us to come back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_AT_ONCE: Final = timedelta(0)
_is_seconds: Final = re.compile(r"[0-9]{1,9}").fullmatch


def retry_after_of(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """Read `Retry-After`, seconds or a date; None where it is absent or makes no sense.

    Source: RFC 9110, section 10.2.3.
    """
    text = headers.get("retry-after", "").strip()
    if _is_seconds(text):
        return timedelta(seconds=int(text))
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(until - now, _AT_ONCE)

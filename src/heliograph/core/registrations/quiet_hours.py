"""Quiet hours: when a device wants to be left alone, by the clock where it is.

`22:00-07:00` begins at ten in the evening and ends at seven in the morning of
its attribute `time_zone`, a name of the IANA's list.

Source: docs/decisions/0032-quiet-hours.md.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.registration import Attribute

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_TIME = "([01][0-9]|2[0-3]):([0-5][0-9])"
_span = re.compile(f"{_TIME}-{_TIME}").fullmatch
_zone_name = re.compile("[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,3}").fullmatch
_MARK = f'"{Attribute.QUIET_HOURS}"'
_REMEMBERED = 4096


class QuietHours(NamedTuple):
    """From `begin` until before `end`, which is on the next day where it is the smaller."""

    begin: time
    end: time
    zone: ZoneInfo

    def end_after(self, now: datetime) -> datetime | None:
        """Say when those end that `now` is within; None outside of them."""
        local = now.astimezone(self.zone)
        at = local.time().replace(second=0, microsecond=0)
        is_overnight = self.end < self.begin
        is_late = self.begin <= at
        if not (is_late or at < self.end) if is_overnight else not (is_late and at < self.end):
            return None
        day = local.date() + timedelta(days=1 if is_overnight and is_late else 0)
        # Where clocks are put back the time comes twice, where they are put forward never.
        both = (datetime.combine(day, self.end.replace(fold=fold), self.zone) for fold in (0, 1))
        later = [end for each in both if (end := each.astimezone(UTC)) > now]
        return min(later, default=now + timedelta(minutes=1))


def check_quiet_hours(attributes: Mapping[str, Any]) -> None:
    """Refuse quiet hours that can't be read, or whose time zone isn't known.

    Raises InvalidRequest.
    """
    said = attributes.get(Attribute.QUIET_HOURS)
    if said is None:
        return
    problems = []
    if _times_of(said) is None:
        expected = "HH:MM-HH:MM, of two different times"
        path = ("attributes", Attribute.QUIET_HOURS.value)
        problems.append(Problem(path, ProblemKind.MALFORMED, expected))
    zone = attributes.get(Attribute.TIME_ZONE)
    if zone is None or _zone_of(zone) is None:
        kind = ProblemKind.MISSING if zone is None else ProblemKind.NOT_ALLOWED
        path = ("attributes", Attribute.TIME_ZONE.value)
        problems.append(Problem(path, kind, "a name such as Europe/Berlin, where hours are quiet"))
    if problems:
        raise InvalidRequest(problems)


def may_be_quiet(attributes: str) -> bool:
    """Say at little cost whether attributes, as JSON text, may name quiet hours."""
    return _MARK in attributes


@lru_cache(maxsize=_REMEMBERED)
def quiet_hours_of(attributes: str) -> QuietHours | None:
    """Read quiet hours from attributes' JSON text; None without any that can be kept."""
    known = json.loads(attributes)
    times = _times_of(known.get(Attribute.QUIET_HOURS))
    zone = _zone_of(known.get(Attribute.TIME_ZONE))
    return None if times is None or zone is None else QuietHours(*times, zone)


def _times_of(said: object) -> tuple[time, time] | None:
    found = _span(said) if isinstance(said, str) else None
    if found is None:
        return None
    first, first_minute, last, last_minute = map(int, found.groups())
    begin, end = time(first, first_minute), time(last, last_minute)
    return None if begin == end else (begin, end)


def _zone_of(name: object) -> ZoneInfo | None:
    if not isinstance(name, str) or _zone_name(name) is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None

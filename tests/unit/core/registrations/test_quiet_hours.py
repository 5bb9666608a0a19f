from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.errors import InvalidRequest, ProblemKind
from heliograph.core.registrations.quiet_hours import (
    check_quiet_hours,
    may_be_quiet,
    quiet_hours_of,
)


def text(span: str, zone: str = "Europe/Berlin") -> str:
    return json.dumps({"quiet_hours": span, "time_zone": zone}, separators=(",", ":"))


def end_after(span: str, now: str, zone: str = "Europe/Berlin") -> str | None:
    hours = quiet_hours_of(text(span, zone))
    assert hours is not None
    end = hours.end_after(datetime.fromisoformat(now))
    return None if end is None else end.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-01-10T20:59:59Z", None),
        ("2026-01-10T21:00:00Z", "2026-01-11T06:00:00Z"),
        ("2026-01-10T23:30:00Z", "2026-01-11T06:00:00Z"),
        ("2026-01-11T05:59:59Z", "2026-01-11T06:00:00Z"),
        ("2026-01-11T06:00:00Z", None),
        ("2026-07-10T20:00:00Z", "2026-07-11T05:00:00Z"),
    ],
)
def test_a_night_begins_on_one_day_and_ends_on_the_next(now: str, end: str | None) -> None:
    assert end_after("22:00-07:00", now) == end


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-01-10T03:29:00Z", None),
        ("2026-01-10T03:30:00Z", "2026-01-10T05:00:00Z"),
        ("2026-01-10T04:59:59.9Z", "2026-01-10T05:00:00Z"),
        ("2026-01-10T05:00:00Z", None),
    ],
)
def test_an_afternoon_is_of_one_day(now: str, end: str | None) -> None:
    assert end_after("12:30-14:00", now, "Asia/Tokyo") == end


def test_a_time_that_clocks_pass_over_is_where_they_go_on() -> None:
    # In Berlin 02:00 to 03:00 is missing on the 29th of March 2026.
    assert end_after("22:00-02:30", "2026-03-29T00:45:00Z") == "2026-03-29T01:30:00Z"


def test_a_time_that_comes_twice_ends_the_night_at_its_first() -> None:
    # There 02:00 to 03:00 comes twice on the 25th of October 2026.
    assert end_after("22:00-02:30", "2026-10-24T23:00:00Z") == "2026-10-25T00:30:00Z"
    assert end_after("22:00-02:30", "2026-10-25T01:00:00Z") == "2026-10-25T01:30:00Z"


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - the zone follows
    st.integers(0, 1439),
    st.integers(1, 1439),
    st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_quiet_hours_end_later_and_within_a_day(
    naive: datetime, begin: int, length: int, zone: str
) -> None:
    end = (begin + length) % 1440
    span = f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    hours = quiet_hours_of(text(span, zone))
    now = naive.replace(tzinfo=UTC)
    assert hours is not None

    found = hours.end_after(now)

    assert found is None or now < found <= now + timedelta(hours=26)


@pytest.mark.parametrize(
    "attributes",
    [
        "{}",
        '{"time_zone":"Europe/Berlin"}',
        '{"quiet_hours":"22:00-07:00"}',
        text("22:00-22:00"),
        text("22-7"),
        text("24:00-07:00"),
        text("22:00-07:00", "Nowhere/Land"),
        text("22:00-07:00", "../../etc/passwd"),
        text("22:00-07:00", "Europe"),
        text("22:00-07:00", "leapseconds"),
        text("22:00-07:00", ""),
        '{"quiet_hours":["22:00-07:00"],"time_zone":3}',
    ],
)
def test_what_can_not_be_kept_is_no_quiet_hours(attributes: str) -> None:
    assert quiet_hours_of(attributes) is None


def test_who_names_none_is_not_looked_at() -> None:
    assert may_be_quiet(text("22:00-07:00"))
    assert not may_be_quiet('{"time_zone":"Europe/Berlin"}')
    assert not may_be_quiet("")


@pytest.mark.parametrize(
    ("attributes", "problems"),
    [
        ({}, []),
        ({"time_zone": "wherever"}, []),
        ({"quiet_hours": "22:00-07:00", "time_zone": "Europe/Berlin"}, []),
        (
            {"quiet_hours": "22-7", "time_zone": "Europe/Berlin"},
            [("quiet_hours", ProblemKind.MALFORMED)],
        ),
        ({"quiet_hours": "22:00-07:00"}, [("time_zone", ProblemKind.MISSING)]),
        (
            {"quiet_hours": "", "time_zone": "CEST-9"},
            [("quiet_hours", ProblemKind.MALFORMED), ("time_zone", ProblemKind.NOT_ALLOWED)],
        ),
    ],
)
def test_quiet_hours_that_can_not_be_kept_are_refused(
    attributes: dict[str, Any], problems: list[tuple[str, ProblemKind]]
) -> None:
    found = []
    try:
        check_quiet_hours(attributes)
    except InvalidRequest as error:
        found = [(each.path[-1], each.kind) for each in error.problems]

    assert found == problems

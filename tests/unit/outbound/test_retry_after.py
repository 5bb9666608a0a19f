from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.outbound.retry_after import retry_after_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT_ONCE = timedelta(0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", AT_ONCE),
        (" 120 ", timedelta(seconds=120)),
        ("Sun, 01 Mar 2026 12:02:00 GMT", timedelta(seconds=120)),
        ("Sun, 01 Mar 2026 12:02:00 -0000", timedelta(seconds=120)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", AT_ONCE),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 30, None),
        ("Sun, 99 Mar 2026 12:02:00 GMT", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, expected):
    assert retry_after_of({"retry-after": text}, now=NOW) == expected


def test_no_retry_after_is_none():
    assert retry_after_of({}, now=NOW) is None


@given(st.text(max_size=40))
def test_whatever_stands_there_is_no_time_past(text):
    asked = retry_after_of({"retry-after": text}, now=NOW)

    assert asked is None or asked >= AT_ONCE

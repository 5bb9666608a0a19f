from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from heliograph.dialects.native.schemas.times import to_instant

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T12:00:00Z",
        "2026-01-02t12:00:00z",
        "2026-01-02T13:00:00+01:00",
        "2026-01-02T06:30:00-05:30",
        "2026-01-02T12:00:00+00:00",
        "2026-01-02T12:00:00.000999Z",
        "2026-01-02T12:00:00.000000999Z",
    ],
)
def test_a_time_with_an_offset_is_an_instant(text):
    assert to_instant(text) == NOON


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-01-02T12:00:00", "offset"),
        ("2026-01-02T12:00:00-00:00", "offset"),
        ("2026-01-02T12:00:00 Europe/Berlin", "RFC 3339"),
        ("2026-01-02T12:00:00[Europe/Berlin]", "RFC 3339"),
        ("2026-01-02T12:00:00CET", "RFC 3339"),
        ("2026-01-02T12:00:00+01", "RFC 3339"),
        ("2026-01-02 12:00:00Z", "RFC 3339"),
        ("2026-01-02T12:00Z", "RFC 3339"),
        ("2026-01-02", "RFC 3339"),
        ("٢٠٢٦-01-02T12:00:00Z", "RFC 3339"),
        ("tomorrow", "RFC 3339"),
        ("", "RFC 3339"),
        ("2026-02-30T12:00:00Z", "there is"),
        ("2026-01-02T12:00:60Z", "there is"),
        ("2026-01-02T12:00:00+24:00", "there is"),
        ("0000-01-02T12:00:00Z", "there is"),
        ("0001-01-01T00:00:00+23:59", "there is"),
        ("9999-12-31T23:59:59-23:59", "there is"),
        (1_767_355_200, "a string"),
        (None, "a string"),
    ],
)
def test_what_is_no_instant_says_what_is_missing(text, said):
    with pytest.raises(PydanticCustomError, match=said):
        to_instant(text)


@given(st.text(st.sampled_from("0123456789-:.TZz+ "), max_size=30))
def test_no_text_does_worse_than_be_refused(text):
    try:
        found = to_instant(text)
    except PydanticCustomError:
        return
    assert found.tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_we_write_we_read(instant):
    assert to_instant(instant.isoformat()) == instant.replace(
        microsecond=instant.microsecond // 1000 * 1000
    )

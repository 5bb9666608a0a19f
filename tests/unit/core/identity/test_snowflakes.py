from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.identity.snowflakes import snowflake_maker
from heliograph.core.ids import new_id


def test_a_snowflake_tells_when_its_user_was_made() -> None:
    made = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)

    snowflake = int(snowflake_maker(new_id(made))(0))

    assert (snowflake >> 22) + 1_420_070_400_000 == made.timestamp() * 1000
    assert 0 < snowflake < 2**63


@given(st.datetimes(datetime(2015, 1, 2), datetime(2100, 1, 1)), st.integers(0, 2**22 - 2))  # noqa: DTZ001
def test_every_attempt_is_another_snowflake_of_the_same_time(made: datetime, first: int) -> None:
    make = snowflake_maker(new_id(made.replace(tzinfo=UTC)))

    one, two = int(make(first)), int(make(first + 1))

    assert one != two
    assert one >> 22 == two >> 22

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from heliograph.core.notifications.silence import MIN_SPAN, Silence, is_nobodys, prolonged

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_reports_in_a_row_are_counted_from_the_first():
    first = prolonged(None, START, refreshed=START - DAY)
    second = prolonged(first, START + DAY, refreshed=START - DAY)

    assert first == Silence(1, START, START)
    assert second == Silence(2, START, START + DAY)


def test_a_report_that_comes_late_shortens_nothing():
    known = Silence(2, START, START + 2 * DAY)

    assert prolonged(known, START + DAY, refreshed=START - DAY).latest == START + 2 * DAY


def test_an_app_that_says_the_number_again_begins_anew():
    known = Silence(5, START, START + 8 * DAY)

    found = prolonged(known, START + 9 * DAY, refreshed=START + DAY)

    assert found == Silence(1, START + 9 * DAY, START + 9 * DAY)


@pytest.mark.parametrize(
    ("silence", "heard_at", "answer"),
    [
        (Silence(3, START, START + MIN_SPAN), START + DAY, True),
        (Silence(9, START, START + 30 * DAY), START + DAY, True),
        (Silence(2, START, START + 30 * DAY), START + DAY, False),
        (Silence(9, START, START + MIN_SPAN - timedelta(seconds=1)), START + DAY, False),
        (Silence(3, START, START + MIN_SPAN), START, False),
        (Silence(3, START, START + MIN_SPAN), None, False),
    ],
)
def test_a_number_is_nobodys_after_a_week_while_others_are_reached(silence, heard_at, answer):
    assert is_nobodys(silence, heard_at=heard_at) is answer

"""Totals of lists: counted while they are small, remembered for a minute once they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from heliograph.core.model.listing import Part, Window
from heliograph.core.registrations.totals import LARGE, LIFE_S, Totals

if TYPE_CHECKING:
    from tests.conftest import FakeClock

    from heliograph.core.model.listing import Listed

pytestmark = pytest.mark.anyio

FULL = Part(["a"], has_more=True, total=None)


class Counter:
    """Counts what there is, and how often it was asked to."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.calls = 0

    async def __call__(self) -> int:
        self.calls += 1
        return self.number


@pytest.fixture
def totals(clock: FakeClock) -> Totals:
    return Totals(clock)


async def of(
    totals: Totals, counter: Counter, criteria: object = "x", offset: int = 0
) -> Listed[str]:
    return await totals.listed(FULL, Window(offset, 1), criteria, counter)


async def test_a_small_list_is_counted_each_time(totals: Totals) -> None:
    counter = Counter(LARGE - 1)

    await of(totals, counter)
    counter.number = LARGE - 2

    assert (await of(totals, counter)).total == LARGE - 2


async def test_a_large_list_is_counted_once_a_minute(totals: Totals, clock: FakeClock) -> None:
    counter = Counter(LARGE)
    await of(totals, counter)
    counter.number = LARGE + 1

    clock.advance(LIFE_S - 1)
    remembered = await of(totals, counter)
    clock.advance(2)
    counted = await of(totals, counter)

    assert (remembered.total, counted.total) == (LARGE, LARGE + 1)
    assert counter.calls == 2


async def test_other_criteria_are_another_list(totals: Totals) -> None:
    await of(totals, Counter(LARGE), ("app", ("a",)))

    assert (await of(totals, Counter(LARGE + 5), ("app", ("b",)))).total == LARGE + 5


async def test_what_was_seen_is_there_whatever_was_counted(totals: Totals) -> None:
    await of(totals, Counter(LARGE))

    listed = await of(totals, Counter(0), offset=LARGE)

    assert listed.total == LARGE + 2


async def test_a_list_that_was_read_to_its_end_is_not_counted(totals: Totals) -> None:
    counter = Counter(0)

    listed = await totals.listed(Part(["a"], has_more=False, total=7), Window(6, 5), "x", counter)

    assert (listed.total, counter.calls) == (7, 0)

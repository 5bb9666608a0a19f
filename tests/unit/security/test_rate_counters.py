from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from heliograph.security.rate_counters import MemoryCounters

if TYPE_CHECKING:
    from tests.conftest import FakeClock


@pytest.fixture
def counters(clock: FakeClock) -> MemoryCounters:
    return MemoryCounters(clock.monotonic, size=3)


def test_past_the_limit_the_rest_of_the_window_is_waited_for(
    counters: MemoryCounters, clock: FakeClock
) -> None:
    within = [counters.count("a", limit=2, period_s=10) for _ in range(2)]
    clock.advance(4)

    assert within == [0, 0]
    assert counters.count("a", limit=2, period_s=10) == 6
    assert counters.count("b", limit=2, period_s=10) == 0


def test_a_window_ends(counters: MemoryCounters, clock: FakeClock) -> None:
    counters.count("a", limit=1, period_s=10)
    assert counters.count("a", limit=1, period_s=10) == 10

    clock.advance(10)

    assert counters.count("a", limit=1, period_s=10) == 0


def test_what_is_cleared_begins_anew(counters: MemoryCounters) -> None:
    counters.count("a", limit=1, period_s=10)

    counters.clear("a", limit=1, period_s=10)

    assert counters.count("a", limit=1, period_s=10) == 0


def test_memory_is_bounded_and_the_oldest_leaves(counters: MemoryCounters) -> None:
    for key in ("a", "b", "c", "d"):
        counters.count(key, limit=1, period_s=10)

    assert counters.count("d", limit=1, period_s=10) > 0
    assert counters.count("a", limit=1, period_s=10) == 0


def test_the_library_finds_all_that_a_store_has(clock: FakeClock) -> None:
    storage = MemoryCounters(clock.monotonic)._storage
    storage.incr("a", 10)

    assert storage.check()
    assert (storage.get("a"), storage.get("b")) == (1, 0)
    assert storage.get_expiry("b") == clock.monotonic()
    assert storage.base_exceptions == ()
    assert storage.reset() == 1
    assert storage.get("a") == 0

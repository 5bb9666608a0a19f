from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from heliograph.core.cache import TtlCache

if TYPE_CHECKING:
    from tests.conftest import FakeClock


@pytest.fixture
def cache(clock: FakeClock) -> TtlCache[str, int]:
    return TtlCache(clock.monotonic, size=2, ttl_s=5)


def test_a_value_is_believed_for_its_time(cache: TtlCache[str, int], clock: FakeClock) -> None:
    cache.put("a", 1)

    clock.advance(4.9)
    assert cache.get("a") == 1

    clock.advance(0.1)
    assert cache.get("a") is None


def test_what_was_never_put_is_none(cache: TtlCache[str, int]) -> None:
    assert cache.get("a") is None


def test_the_oldest_leaves_when_it_is_full(cache: TtlCache[str, int]) -> None:
    for number, key in enumerate("abc"):
        cache.put(key, number)

    assert [cache.get(key) for key in "abc"] == [None, 1, 2]


def test_a_value_put_again_is_young_again(cache: TtlCache[str, int], clock: FakeClock) -> None:
    cache.put("a", 1)
    cache.put("b", 2)
    clock.advance(4)

    cache.put("a", 3)
    cache.put("c", 4)
    clock.advance(4)

    assert [cache.get(key) for key in "abc"] == [3, None, 4]


def test_a_value_can_be_forgotten_at_once(cache: TtlCache[str, int]) -> None:
    cache.put("a", 1)
    cache.put("b", 2)

    cache.forget("a")
    cache.forget("never there")

    assert [cache.get(key) for key in "ab"] == [None, 2]


def test_all_can_be_forgotten_at_once(cache: TtlCache[str, int]) -> None:
    cache.put("a", 1)

    cache.clear()

    assert cache.get("a") is None


def test_a_life_of_no_time_means_no_cache(clock: FakeClock) -> None:
    cache: TtlCache[str, int] = TtlCache(clock.monotonic, size=2, ttl_s=0)

    cache.put("a", 1)

    assert cache.get("a") is None

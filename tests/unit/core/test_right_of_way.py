from __future__ import annotations

import pytest

from heliograph.core.right_of_way import LONGEST_S, RightOfWay


class Watch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def way(watch: Watch) -> RightOfWay:
    return RightOfWay(watch)


def test_a_broadcast_alone_never_waits(way: RightOfWay, watch: Watch) -> None:
    for _ in range(5):
        assert way.take_turn() == 0.0
        watch.now += 0.0001


def test_a_broadcast_waits_until_a_small_send_has_left(way: RightOfWay, watch: Watch) -> None:
    way.take_turn()
    watch.now += 0.001
    way.ask()

    waits = way.take_turn()
    way.passed()

    assert waits == pytest.approx(LONGEST_S - 0.001)
    assert way.take_turn() == 0.0


def test_a_small_send_that_never_leaves_is_waited_for_once(way: RightOfWay, watch: Watch) -> None:
    way.take_turn()
    way.ask()

    watch.now += way.take_turn()

    assert [way.take_turn() for _ in range(3)] == [0.0, 0.0, 0.0]


def test_however_many_come_a_broadcast_has_its_turn(way: RightOfWay, watch: Watch) -> None:
    turns = 0

    for _ in range(1000):
        way.ask()
        turns += way.take_turn() == 0.0
        watch.now += 0.001

    # One each 5 ms of a second; 1 ms of the watch may be lost at each.
    assert 1000 / (LONGEST_S * 1000 + 1) <= turns <= 1000 / (LONGEST_S * 1000) + 1


def test_a_broadcast_that_begins_meanwhile_has_its_first_turn_at_once(way: RightOfWay) -> None:
    way.ask()

    assert way.take_turn() == 0.0
    assert way.take_turn() > 0.0

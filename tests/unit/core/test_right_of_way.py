from __future__ import annotations

import asyncio

import pytest

from heliograph.core.right_of_way import LONGEST_S, SHARE, RightOfWay


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
    way.ask()
    watch.now += 0.001

    waits = way.take_turn()
    way.passed()

    assert waits == pytest.approx(LONGEST_S - 0.001)
    assert way.take_turn() == 0.0


def test_a_small_send_that_never_leaves_is_waited_for_once(way: RightOfWay, watch: Watch) -> None:
    way.ask()

    watch.now += way.take_turn()

    assert [way.take_turn() for _ in range(3)] == [0.0, 0.0, 0.0]


def test_however_many_come_half_of_the_time_is_the_broadcasts(
    way: RightOfWay, watch: Watch
) -> None:
    at_work_s = 0.0

    while watch.now < 110.0:
        way.ask()
        waits = way.take_turn()
        if not waits:
            at_work_s += 0.001
        watch.now += waits or 0.001

    assert at_work_s == pytest.approx(10.0 * (1 - SHARE), rel=0.05)


def test_those_that_leave_room_between_them_are_all_waited_for(
    way: RightOfWay, watch: Watch
) -> None:
    worked = 0

    for _ in range(1000):
        way.ask()
        for _ in range(9):
            worked += way.take_turn() == 0.0
            watch.now += 0.001
        way.passed()
        watch.now += 0.011

    assert worked == 0


def test_several_pages_that_wait_together_wait_once(way: RightOfWay, watch: Watch) -> None:
    way.ask()

    for _ in range(20):
        waits = [way.take_turn() for _ in range(4)]
        watch.now += 0.001

    assert waits == pytest.approx([LONGEST_S - 0.019] * 4)


@pytest.mark.anyio
async def test_a_turn_is_waited_for(way: RightOfWay, watch: Watch) -> None:
    way.ask()

    waiting = asyncio.create_task(way.turn())
    await asyncio.sleep(0)
    assert not waiting.done()
    way.passed()

    await waiting


def test_a_small_send_is_seen_from_its_beginning_to_its_end(way: RightOfWay, watch: Watch) -> None:
    seen = [way.is_asked_for]
    way.ask()
    seen.append(way.is_asked_for)
    way.passed()
    seen.append(way.is_asked_for)
    way.ask()
    watch.now += LONGEST_S
    seen.append(way.is_asked_for)

    assert seen == [False, True, False, False]

from __future__ import annotations

import asyncio

import pytest

from heliograph.delivery.budget import Budget

pytestmark = pytest.mark.anyio


async def test_places_are_given_out_in_the_order_of_asking() -> None:
    budget, order = Budget(10), []

    async def work(name: str, count: int) -> None:
        await budget.take(count)
        order.append(name)

    await budget.take(6)
    tasks = [asyncio.create_task(work("large", 9)), asyncio.create_task(work("small", 1))]
    await asyncio.sleep(0)
    assert order == []

    budget.give(6)
    await asyncio.gather(*tasks)

    assert order == ["large", "small"]


async def test_more_than_there_is_takes_all_of_it() -> None:
    budget = Budget(10)

    await budget.take(5000)
    waiting = asyncio.create_task(budget.take(1))
    await asyncio.sleep(0)
    assert not waiting.done()
    budget.give(5000)

    await asyncio.wait_for(waiting, 1)


async def test_who_gives_up_waiting_holds_nobody_up() -> None:
    budget = Budget(10)
    await budget.take(10)
    impatient = asyncio.create_task(budget.take(10))
    patient = asyncio.create_task(budget.take(1))
    await asyncio.sleep(0)

    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    budget.give(1)

    await asyncio.wait_for(patient, 1)


async def test_who_is_cancelled_with_a_place_in_hand_gives_it_back() -> None:
    budget = Budget(1)
    await budget.take(1)
    chosen = asyncio.create_task(budget.take(1))
    await asyncio.sleep(0)

    budget.give(1)
    chosen.cancel()
    await asyncio.gather(chosen, return_exceptions=True)

    await asyncio.wait_for(budget.take(1), 1)

"""Many rows at once, and several writes in one trip, on both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from heliograph.core.ids import new_id
from heliograph.storage.database.bulk import (
    LARGEST_PIECE,
    Write,
    deletion,
    insertion,
    insertion_of,
    insertion_of_missing,
    updating,
    upsertion,
    write_rows,
    write_rows_and_ask,
)
from heliograph.storage.database.spelling import Statement
from heliograph.storage.tables.tables import accounts, users

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from tests.contract.storage.world import World

pytestmark = pytest.mark.anyio

_NAMES = Statement(lambda _: select(accounts.c.name).order_by(accounts.c.id))


def rows_of(world: World, count: int, name: str = "user") -> list[tuple[Any, ...]]:
    """Users in the order of their columns."""
    return [
        (new_id(world.now), world.account.id, f"{name} {number:04}", number)
        for number in range(count)
    ]


async def write(world: World, *writes: Write) -> None:
    def work(connection: Connection) -> None:
        write_rows(connection, *writes)

    await world.store._database.write(work)


async def names_of(world: World) -> dict[str, int]:
    return {row.external_id: row.created_ms for row in await world.rows(users)}


@pytest.mark.parametrize("count", [1, 2, 63, LARGEST_PIECE, LARGEST_PIECE + 1, 300])
async def test_any_number_of_rows_is_written_once(world: World, count: int) -> None:
    await write(world, insertion(users, rows_of(world, count)))

    assert await names_of(world) == {f"user {number:04}": number for number in range(count)}


async def test_several_writes_are_done_together(world: World) -> None:
    old = rows_of(world, 5, "old")
    await write(world, insertion(users, old))
    key = ("id",)

    await write(
        world,
        deletion(users, key, [(old[0][0],), (old[1][0],)]),
        insertion(users, rows_of(world, 2, "new")),
        updating(users, key, ("created_ms", "external_id"), [(old[2][0], 77, "changed")]),
        upsertion(users, [(*old[3][:3], 88)], changing=("created_ms",)),
        insertion_of_missing(users, [(*old[4][:3], 99)]),
        insertion(users, []),
    )

    assert await names_of(world) == {
        "changed": 77,
        "old 0003": 88,
        "old 0004": 4,
        "new 0000": 0,
        "new 0001": 1,
    }


async def test_what_a_row_does_not_name_is_null(world: World) -> None:
    row = {"id": new_id(world.now), "account_id": world.account.id, "created_ms": 1}

    await write(world, insertion_of(users, [row]))

    [written] = await world.rows(users)
    assert written.external_id is None


async def test_a_question_is_answered_in_the_same_trip(world: World) -> None:
    def work(connection: Connection) -> list[Any]:
        return [
            *write_rows_and_ask(connection, insertion(users, rows_of(world, 3)), question=_NAMES),
            *write_rows_and_ask(connection, question=_NAMES),
        ]

    answered = await world.store._database.write(work)

    assert len({row.name for row in answered}) == 1
    assert len(await world.rows(users)) == 3


async def test_nothing_to_write_is_no_statement(world: World) -> None:
    await write(world)
    await write(world, insertion(users, []), deletion(users, ("id",), []))

    assert await names_of(world) == {}

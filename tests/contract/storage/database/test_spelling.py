"""Statements that are spelled once answer alike on both engines, however each gets there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import BigInteger, bindparam, literal_column, select, update

from heliograph.core.ids import new_id
from heliograph.storage.database.bulk import insertion, write_rows
from heliograph.storage.database.spelling import Statement
from heliograph.storage.tables.tables import accounts, users

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection
    from tests.contract.storage.world import World

pytestmark = pytest.mark.anyio

_FROM = bindparam("first_ms", type_=BigInteger)
_USERS = Statement(
    lambda _: (
        select(users.c.created_ms, users.c.external_id, users.c.id, accounts.c.id)
        .join(accounts, accounts.c.id == users.c.account_id)
        .where(users.c.created_ms >= _FROM)
        .order_by(users.c.created_ms)
    )
)
_TOUCH = Statement(
    lambda _: (
        update(users).where(users.c.created_ms >= _FROM).values(created_ms=literal_column("9"))
    )
)
_TOUCH_ONE = Statement(
    lambda _: (
        update(users)
        .where(users.c.created_ms == _FROM)
        .values(created_ms=literal_column("7"))
        .returning(users.c.external_id)
    )
)
_RENAME = Statement(
    lambda _: (
        update(users)
        .where(users.c.external_id == bindparam("former"))
        .values(external_id=bindparam("later"))
    )
)


async def fill(world: World) -> None:
    rows = [(new_id(world.now), world.account.id, name, at) for at, name in enumerate("abc")]
    await do(world, lambda connection: write_rows(connection, insertion(users, rows)))


async def do(world: World, work: Callable[[Connection], Any]) -> Any:
    return await world.store._database.write(work)


async def names_of(world: World) -> list[tuple[int, str]]:
    return sorted((row.created_ms, row.external_id) for row in await world.rows(users))


async def test_rows_come_in_order_with_their_columns_names(world: World) -> None:
    await fill(world)

    rows = await do(world, lambda connection: _USERS.run(connection, first_ms=1, more=2).all())

    assert [(row.created_ms, row.external_id) for row in rows] == [(1, "b"), (2, "c")]
    assert [row[:2] for row in rows] == [(1, "b"), (2, "c")]
    created_ms, name, _, account_id = rows[0]
    assert (created_ms, name, account_id) == (1, "b", world.account.id)


async def test_a_statement_may_be_asked_for_one_row_or_one_value(world: World) -> None:
    await fill(world)

    def ask(connection: Connection) -> list[Any]:
        return [
            _USERS.run(connection, first_ms=2).first().external_id,
            _USERS.run(connection, first_ms=3).first(),
            _USERS.run(connection, first_ms=2).scalar_one_or_none(),
            _USERS.run(connection, first_ms=3).scalar_one_or_none(),
            [row.external_id for row in _USERS.run(connection, first_ms=0)],
            [row[1] for row in _USERS.fetch(connection, first_ms=1)],
            _USERS.fetch(connection, first_ms=3),
        ]

    assert await do(world, ask) == ["c", None, 2, None, ["a", "b", "c"], ["b", "c"], []]


async def test_a_statement_that_answers_nothing_has_been_done(world: World) -> None:
    await fill(world)

    await do(world, lambda connection: _TOUCH.run(connection, first_ms=1))

    assert await names_of(world) == [(0, "a"), (9, "b"), (9, "c")]


async def test_a_change_may_answer_what_it_changed(world: World) -> None:
    await fill(world)

    name = await do(world, lambda c: _TOUCH_ONE.run(c, first_ms=1).scalar_one_or_none())

    assert name == "b"
    assert await names_of(world) == [(0, "a"), (2, "c"), (7, "b")]


async def test_a_statement_is_run_for_each_of_many_rows_and_for_none(world: World) -> None:
    await fill(world)
    pairs = [("x", "a"), ("y", "b")]

    await do(world, lambda connection: _RENAME.run_each(connection, ("later", "former"), pairs))
    await do(world, lambda connection: _RENAME.run_each(connection, ("later", "former"), []))

    assert await names_of(world) == [(0, "x"), (1, "y"), (2, "c")]


async def test_what_fails_in_the_middle_leaves_nothing_of_its_transaction(world: World) -> None:
    await fill(world)

    def work(connection: Connection) -> None:
        _TOUCH.run(connection, first_ms=1)
        raise ValueError

    with pytest.raises(ValueError):
        await do(world, work)

    assert await names_of(world) == [(0, "a"), (1, "b"), (2, "c")]

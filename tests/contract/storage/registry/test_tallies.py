"""Tallies say how many registrations there are, whatever becomes of them, on both engines."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import asyncpg
import pytest
from sqlalchemy import delete, insert
from tests.contract.storage.sending import commit, notify
from tests.contract.storage.world import World, new_application, new_world

from heliograph.core.clock import to_ms
from heliograph.core.model.delivery import Prune
from heliograph.core.model.listing import ANYTHING, Condition, RegistrationField, RegistrationFilter
from heliograph.core.model.registration import Changes, Claim, ProviderName
from heliograph.storage.registry.batch import run_batch
from heliograph.storage.registry.commands import Register
from heliograph.storage.tables.tables import registrations

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from heliograph.core.ids import Id
    from heliograph.storage.store import SqlStore

pytestmark = pytest.mark.anyio

APNS, FCM, WNS = ProviderName.APNS, ProviderName.FCM, ProviderName.WNS
WRITERS = 20
"""More than there are lanes."""


async def counted(world: World, *providers: ProviderName) -> int:
    """How many there are, of some providers or of all."""
    is_theirs = Condition(RegistrationField.PROVIDER, tuple(each.value for each in providers))
    wanted = RegistrationFilter(conditions=(is_theirs,)) if providers else ANYTHING
    return await world.store.registry.count(world.application.id, wanted)


async def test_what_is_registered_is_counted_by_provider(world: World) -> None:
    other = await new_application(world)
    await other.register("a", device="one", provider=APNS)
    await world.register_many(5)
    await world.register("w", device="w", provider=WNS)

    assert (await counted(world), await counted(other)) == (6, 1)
    assert [await counted(world, each) for each in (FCM, WNS, APNS)] == [5, 1, 0]
    assert await counted(world, WNS, FCM) == 6
    await world.check()


async def test_what_is_refreshed_or_changed_is_counted_once(world: World) -> None:
    made = await world.register("a", device="phone")
    world.clock.advance(3600)
    await world.register("a", device="phone")
    await world.register("b", device="phone", user="ann")
    await world.store.registry.change(
        world.application.id, made.id, Changes(token="c"), now=world.now
    )

    assert await counted(world) == await counted(world, FCM) == 1


async def test_what_is_forgotten_is_counted_no_more(world: World) -> None:
    rows = await world.register_many(4)

    await asyncio.gather(*map(world.remove, rows[:3]))

    assert await counted(world) == 1
    await world.check()


async def test_a_slot_that_another_providers_token_comes_into_is_counted_there(
    world: World,
) -> None:
    before = await world.register("a", device="phone", provider=FCM)
    await world.register("b", device="other", provider=FCM)

    after = await world.register("c", device="phone", provider=APNS)

    assert after.id == before.id
    assert [await counted(world, each) for each in (FCM, APNS)] == [1, 1]
    await world.check()


async def test_a_provider_and_other_changes_in_one_batch(world: World) -> None:
    await world.register_many(4)
    drafts = [
        world.draft(f"n{number}", device=f"d{number}", provider=(APNS, FCM)[number % 2])
        for number in range(4)
    ]

    await asyncio.gather(*map(world.store.registry.register, drafts))

    assert [await counted(world, each) for each in (FCM, APNS)] == [2, 2]
    assert {row.token for row in (await world.living()).values()} == {"n0", "n1", "n2", "n3"}
    await world.check()


async def test_whom_an_exclusive_claim_displaces_is_counted_no_more(world: World) -> None:
    for user in ("ann", "bob"):
        await world.store.registry.register(world.shared("T", user))

    await world.register("T", device="phone", claim=Claim.EXCLUSIVE)

    assert await counted(world) == 1
    await world.check()


async def test_what_a_page_found_gone_is_counted_no_more(world: World) -> None:
    rows = await world.register_many(3)
    shard = await notify(world)
    gone = [Prune(row.id, row.token_hash, to_ms(row.refreshed), "gone") for row in rows[:2]]

    assert await commit(world, shard, prunes=gone)

    assert await counted(world) == 1
    await world.check()


async def test_what_is_undone_was_never_counted(world: World) -> None:
    await world.register("kept", device="kept")
    drafts = [world.draft(f"t{number}", device=f"d{number}") for number in range(3)]

    def fail(connection: Connection) -> None:
        run_batch(connection, [Register(draft) for draft in drafts])
        connection.execute(delete(registrations).where(registrations.c.device_id == "kept"))
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        await world.store._database.write(fail)

    assert await counted(world) == 1
    await world.check()


async def test_any_statement_is_counted(world: World) -> None:
    await world.register_many(3)
    rows = [dict(row._mapping) for row in await world.rows(registrations)]

    def leave(connection: Connection) -> None:
        connection.execute(delete(registrations))

    def come_back(connection: Connection) -> None:
        connection.execute(insert(registrations), rows)

    await world.store._database.write(leave)
    left = await counted(world)
    await world.store._database.write(come_back)

    assert (left, await counted(world)) == (0, 3)


async def test_an_application_that_is_half_deleted_is_counted_as_it_is(world: World) -> None:
    await world.register_many(5)
    await world.register("w", device="w", provider=WNS)

    while await world.store.applications.forget_some(world.application.id, limit=1):
        await world.check_tallies()

    assert await counted(world) == 0
    await world.register("late", device="late")
    assert await counted(world) == 1
    await world.store.applications.remove(world.application.id)
    assert await world.tallies() == {}


async def test_many_writers_on_postgresql_wait_for_nobodys_count(
    two_stores: list[SqlStore], empty_postgres_url: str, clock: object
) -> None:
    world = await new_world(two_stores[0], clock)  # type: ignore[arg-type]
    made = await world.register_many(WRITERS)

    async def leave(connection: asyncpg.Connection, registration_id: Id, *, to: str) -> None:
        # Two statements, so that each writer asks for its lane twice; and both providers' tallies.
        move = "UPDATE registrations SET provider = $2 WHERE id = $1"
        await connection.execute(move, registration_id, to)
        await connection.execute("DELETE FROM registrations WHERE id = $1", registration_id)

    async with AsyncExitStack() as stack:
        transactions = []
        for row in made:
            # Whoever waited here would do so until the limit: all of them stay open to the end.
            connection = await asyncpg.connect(empty_postgres_url, command_timeout=5)
            stack.push_async_callback(connection.close)
            transaction = connection.transaction()
            await transaction.start()
            await leave(connection, row.id, to="apns" if row.id[-1] % 2 else "wns")
            transactions.append(transaction)
        for number, transaction in enumerate(transactions):
            await (transaction.commit() if number % 4 else transaction.rollback())

    assert await counted(world) == await counted(world, FCM) == WRITERS // 4
    await world.check_tallies()


async def test_a_truncated_registry_on_postgresql_counts_nothing(
    two_stores: list[SqlStore], empty_postgres_url: str, clock: object
) -> None:
    world = await new_world(two_stores[0], clock)  # type: ignore[arg-type]
    await world.register_many(3)
    connection = await asyncpg.connect(empty_postgres_url)

    await connection.execute("TRUNCATE registrations")
    await connection.close()

    assert await counted(world) == 0

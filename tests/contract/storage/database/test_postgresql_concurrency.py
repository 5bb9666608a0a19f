"""Two nodes on one PostgreSQL database, in each other's way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from tests.contract.storage.sending import commit, notify
from tests.contract.storage.world import World, new_world

from heliograph.core.errors import NotAuthenticated
from heliograph.core.model.delivery import Prune
from heliograph.core.model.registration import Changes
from heliograph.core.model.tag import Subscribed
from heliograph.storage.tables.tables import members, users

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.conftest import FakeClock

    from heliograph.storage.store import SqlStore

pytestmark = pytest.mark.anyio


@pytest.fixture
async def nodes(two_stores: list[SqlStore], clock: FakeClock) -> list[World]:
    """The same application as two nodes see it."""
    first = await new_world(two_stores[0], clock)
    return [first, World(two_stores[1], clock, first.account, first.application)]


async def both(one: Awaitable[Any], other: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(one, other)


async def deadlocks(world: World) -> int:
    """How many transactions PostgreSQL has had to undo in this database."""
    query = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    flush = text("SELECT pg_stat_force_next_flush(), pg_sleep(0)")
    database = world.store._database
    await database.read(lambda connection: connection.execute(flush).all())
    return await database.read(lambda connection: connection.execute(query).scalar_one())


async def test_of_two_exclusive_claims_at_once_one_holds_the_token(nodes: list[World]) -> None:
    one, other = nodes
    before = await deadlocks(one)

    for number in range(200):
        token = f"t{number}"
        await both(
            one.register(token, device=f"one{number}"),
            other.register(token, device=f"other{number}"),
        )
        assert len(await one.holders_of(token)) == 1

    assert await deadlocks(one) == before
    await one.check()


async def test_swapped_tokens_never_deadlock(nodes: list[World]) -> None:
    one, other = nodes
    before = await deadlocks(one)
    await one.register("t0", device="one")
    await one.register("t1", device="other")

    for number in range(100):
        theirs, ours = f"t{(number + 1) % 2}", f"t{number % 2}"
        await both(
            one.register(theirs, device="one"),
            other.register(ours, device="other"),
        )
        assert len(await one.holders_of(ours)) == 1
        assert len(await one.holders_of(theirs)) == 1

    assert await deadlocks(one) == before
    await one.check()


async def test_batches_that_cross_never_deadlock(nodes: list[World]) -> None:
    before = await deadlocks(nodes[0])

    for turn in range(15):
        await asyncio.gather(
            *(
                node.register(f"t{(number * 7 + shift + turn) % 60}", device=f"d{number}")
                for shift, node in enumerate(nodes)
                for number in (range(60) if shift else range(59, -1, -1))
            )
        )
        await nodes[0].check()

    assert await deadlocks(nodes[0]) == before


async def test_a_changed_and_a_registered_token_never_deadlock(nodes: list[World]) -> None:
    one, other = nodes
    before = await deadlocks(one)
    registration = await one.register("t", device="phone")

    for number in range(50):
        changes = Changes(token=f"t{number}")
        change = one.store.registry.change(
            one.application.id, registration.id, changes, now=one.now
        )
        await both(change, other.register(f"t{number}", device="phone"))
        assert len(await one.holders_of(f"t{number}")) == 1

    assert await deadlocks(one) == before
    await one.check()


async def test_a_registration_acknowledged_during_a_prune_is_never_lost(
    nodes: list[World],
) -> None:
    one, other = nodes

    for number in range(60):
        one.clock.advance(0.001)
        read = await one.register(f"t{number}", device="phone", attributes={"n": str(number)})
        shard = await notify(one)
        prune = Prune(read.id, read.token_hash, int(read.refreshed.timestamp() * 1000), "gone")
        one.clock.advance(61)
        _, acknowledged = await both(
            commit(one, shard, prunes=[prune]),
            other.register(f"t{number}", device="phone", attributes={"n": str(number)}),
        )
        assert await one.get(acknowledged) == acknowledged

    await one.check()


async def test_a_registration_and_the_end_of_its_session_leave_no_orphan(
    nodes: list[World],
) -> None:
    one, other = nodes

    for number in range(50):
        session = await one.sign_in("ann")
        registered, ended = await asyncio.gather(
            one.register(f"t{number}", device="phone", session=session),
            other.store.identity.end_session(session.id, now=one.now),
            return_exceptions=True,
        )
        assert ended is True
        assert isinstance(registered, NotAuthenticated) or registered.token == f"t{number}"
        assert await one.living() == {}

    await one.check()


async def test_two_nodes_make_the_same_user_once(nodes: list[World]) -> None:
    one, other = nodes

    for number in range(30):
        first, second = await both(
            one.register(f"a{number}", device=f"one{number}", user=f"u{number}"),
            other.register(f"b{number}", device=f"other{number}", user=f"u{number}"),
        )
        assert first.member_id == second.member_id

    assert len(await one.rows(users)) == len(await one.rows(members)) == 30


async def test_two_nodes_that_make_the_same_users_never_deadlock(nodes: list[World]) -> None:
    one, other = nodes
    before = await deadlocks(one)

    for number in range(10):
        names = [f"u{number}-{place}" for place in range(20)]
        await asyncio.gather(
            *(one.register(f"a{name}", device=f"a{name}", user=name) for name in names),
            *(other.register(f"b{name}", device=f"b{name}", user=name) for name in names[::-1]),
        )

    assert await deadlocks(one) == before
    assert len(await one.rows(users)) == 200


async def test_two_nodes_subscribe_to_a_new_tag_at_once(nodes: list[World]) -> None:
    one, other = nodes
    registrations = await one.register_many(2)

    for number in range(20):
        label = f"tag{number}"
        answers = await both(
            one.store.tags.subscribe(one.application.id, registrations[0].id, label, now=one.now),
            other.store.tags.subscribe(one.application.id, registrations[1].id, label, now=one.now),
        )
        assert answers == [Subscribed.NEW] * 2

    await one.check()

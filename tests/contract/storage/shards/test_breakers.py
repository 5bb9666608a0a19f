"""What every node knows of breakers, on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.contract.storage.sending import claim, commit, notify, read
from tests.contract.storage.world import new_application

from heliograph.core.ids import new_id
from heliograph.core.model.breaker import Breaker, BreakerCause, BreakerKey, BreakerState
from heliograph.core.model.registration import Environment, ProviderName

if TYPE_CHECKING:
    from tests.contract.storage.world import World

pytestmark = pytest.mark.anyio


def breaker(world: World, **fields: object) -> Breaker:
    """An open breaker of the application."""
    made = Breaker(
        key=BreakerKey(world.application.id, ProviderName.APNS, Environment.SANDBOX),
        state=BreakerState.OPEN,
        cause=BreakerCause.CREDENTIAL,
        reason="InvalidProviderToken",
        credential_id=new_id(world.now),
        opened_at=world.now,
        changed_at=world.now,
        probe_at=world.now + timedelta(minutes=1),
        probes=2,
    )
    return replace(made, **fields)  # type: ignore[arg-type] # of whatever type


async def test_what_a_commit_wrote_comes_with_every_page(world: World) -> None:
    await world.register_many(2)
    claimed = await notify(world)
    page = await read(world, claimed, limit=1)
    opened = breaker(world)

    await commit(world, claimed, page.targets, cursor=page.cursor, breakers=[opened])

    assert (await read(world, claimed, page.cursor)).breakers == [opened]
    assert await world.store.breakers.breakers(world.application.id) == [opened]
    other = await new_application(world)
    assert await world.store.breakers.breakers(other.application.id) == []


async def test_a_breaker_without_a_credential_is_kept_as_well(world: World) -> None:
    shard, _ = await notify(world)
    opened = breaker(world, credential_id=None)

    await world.store.ledger.hold(shard, until=world.now, breakers=[opened])

    assert await world.store.breakers.breakers(world.application.id) == [opened]


async def test_a_node_that_lags_behind_changes_nothing(world: World) -> None:
    shard, _ = await notify(world)
    newer = breaker(world, version=3, reason="newer")

    for each in (newer, breaker(world, version=2, reason="older")):
        await world.store.ledger.hold(shard, until=world.now, breakers=[each])

    assert await world.store.breakers.breakers(world.application.id) == [newer]


async def test_closing_one_makes_what_it_held_due(world: World) -> None:
    shard, _ = await notify(world)
    opened = breaker(world)
    await world.store.ledger.hold(shard, until=world.now + timedelta(hours=1), breakers=[opened])
    other = await new_application(world)
    foreign, _ = await notify(other)
    await world.store.ledger.hold(foreign, until=world.now + timedelta(hours=1))
    assert await claim(world) == []

    closed = await world.store.breakers.close_breaker(opened.key, now=world.now)

    assert closed == replace(opened, state=BreakerState.CLOSED, version=2)
    [(again, _)] = await claim(world)
    assert again.id == shard.id


async def test_what_never_opened_cannot_be_closed(world: World) -> None:
    key = breaker(world).key

    assert await world.store.breakers.close_breaker(key, now=world.now) is None


async def test_a_new_credential_closes_its_breaker(world: World) -> None:
    shard, _ = await notify(world)
    opened = breaker(world)
    await world.store.ledger.hold(shard, until=world.now + timedelta(hours=1), breakers=[opened])

    await world.store.identity.put_credential(
        world.application.id,
        new_id(world.now),
        opened.key.provider,
        opened.key.environment,
        b"sealed",
        now=world.now,
    )

    [found] = await world.store.breakers.breakers(world.application.id)
    assert not found.is_open
    assert len(await claim(world)) == 1

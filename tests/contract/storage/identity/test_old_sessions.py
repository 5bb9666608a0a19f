"""Sessions that are long over, on both engines."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from heliograph.core.ids import new_id
from heliograph.core.model.identity import NEVER, SessionKind
from heliograph.storage.tables.tables import sessions

if TYPE_CHECKING:
    from tests.contract.storage.world import World

    from heliograph.core.ids import Id

pytestmark = pytest.mark.anyio

KEPT = timedelta(days=30)


async def forget(world: World, *, limit: int = 2) -> int:
    """Walk through them; answer in how many steps."""
    last, steps = None, 0
    while last := await world.store.retention.forget_sessions(
        world.now - KEPT, after=last, limit=limit
    ):
        steps += 1
    return steps


async def kept(world: World) -> set[Id]:
    return {row.id for row in await world.rows(sessions)}


async def test_sessions_that_are_long_over_are_forgotten_in_steps(world: World) -> None:
    for name in ("ann", "bob", "zoe"):
        await world.sign_in(name)
    world.clock.advance(20 * 86_400)
    young = await world.sign_in("ann")
    world.clock.advance(12 * 86_400)

    assert await forget(world) == 2

    assert await kept(world) == {young.id}
    assert await forget(world) == 0


async def test_a_session_that_is_not_over_that_long_stays(world: World) -> None:
    session = await world.sign_in("ann")
    key = replace(session, id=new_id(world.now), kind=SessionKind.KEY, expires_at=NEVER)
    await world.store.identity.add_session(key, hashlib.sha256(key.id).digest())
    world.clock.advance(31 * 86_400)

    await forget(world)
    assert await kept(world) == {session.id, key.id}

    world.clock.advance(1)
    await forget(world)
    assert await kept(world) == {key.id}


async def test_what_is_registered_through_a_session_can_be_signed_out_for_good(
    world: World,
) -> None:
    session = await world.sign_in("ann")
    over = await world.sign_in("ann")
    phone = await world.register("T", device="phone", session=session)
    world.clock.advance(100 * 86_400)

    await forget(world)

    assert await world.get(phone) == phone
    assert await kept(world) == {session.id}
    assert await world.store.identity.end_session(session.id, now=world.now)
    assert await world.get(phone) is None
    assert over.id not in await kept(world)
    await world.check()


async def test_a_session_goes_once_its_phone_is_registered_through_another(world: World) -> None:
    first = await world.sign_in("ann")
    phone = await world.register("T", device="phone", session=first)
    world.clock.advance(100 * 86_400)
    second = await world.sign_in("ann")
    await world.register("T", device="phone", session=second)

    await forget(world)

    assert await kept(world) == {second.id}
    assert await world.get(phone) is not None


async def test_a_standing_session_lasts_as_long_as_it_is_taken_up(world: World) -> None:
    mark = b"m" * 32
    session = await world.sign_in("ann")
    standing = replace(session, id=new_id(world.now))
    assert await world.store.identity.ensure_session(standing, mark) == standing
    world.clock.advance(60 * 86_400)
    later = replace(
        session, id=new_id(world.now), expires_at=world.now + timedelta(days=1, hours=1)
    )

    taken_up = await world.store.identity.ensure_session(later, mark)
    await forget(world)

    assert taken_up == replace(standing, expires_at=later.expires_at)
    assert await kept(world) == {standing.id}

"""What a suspended user's keys registered is silent meanwhile, on both engines."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.contract.storage.sending import notify, read_all

from heliograph.core.errors import Suspended
from heliograph.core.ids import new_id
from heliograph.core.model.audience import Registrations, Users
from heliograph.core.model.identity import NEVER, SessionForm, SessionKind

if TYPE_CHECKING:
    from tests.contract.storage.world import World

    from heliograph.core.model.audience import Audience
    from heliograph.core.model.identity import Session

pytestmark = pytest.mark.anyio


async def new_key(world: World, name: str) -> Session:
    sign_in = await world.sign_in(name)
    key = replace(
        sign_in,
        id=new_id(world.now),
        form=SessionForm.NAVIXY,
        kind=SessionKind.KEY,
        expires_at=NEVER,
    )
    await world.store.identity.add_session(key, hashlib.sha256(key.id).digest())
    return key


async def sent_to(world: World, audience: Audience | None = None) -> set[str]:
    """The tokens that a notification would go to now."""
    return {target.token for target in await read_all(world, await notify(world, audience))}


async def test_what_a_key_registered_is_silent_while_its_user_is_suspended(world: World) -> None:
    key, others = await new_key(world, "ann"), await new_key(world, "bob")
    phone = await world.register("of ann's key", session=key, by_session=True)
    await world.register("of bob's key", session=others, by_session=True)
    await world.register("of the back end", device="d", user="ann")
    suspend = world.store.members.set_suspended
    place = world.application.id

    await suspend(place, key.user_id, since=world.now)

    assert await sent_to(world) == {"of bob's key", "of the back end"}
    assert await sent_to(world, Users(("ann",))) == {"of the back end"}
    assert await sent_to(world, Registrations((phone.id,))) == set()

    await suspend(place, key.user_id, since=None)

    assert await sent_to(world, Users(("ann",))) == {"of ann's key", "of the back end"}
    assert await world.get(phone) == phone
    await world.check()


async def test_a_key_that_was_believed_before_registers_nothing_for_a_suspended_user(
    world: World,
) -> None:
    key, others = await new_key(world, "ann"), await new_key(world, "bob")
    suspend, place = world.store.members.set_suspended, world.application.id
    await suspend(place, key.user_id, since=world.now)

    with pytest.raises(Suspended):
        await world.register("of ann's key", session=key, by_session=True)
    await world.register("of bob's key", session=others, by_session=True)

    assert await sent_to(world) == {"of bob's key"}

    await suspend(place, key.user_id, since=None)
    await world.register("of ann's key", session=key, by_session=True)

    assert await sent_to(world) == {"of ann's key", "of bob's key"}


async def test_what_a_sign_in_registered_keeps_its_end(world: World) -> None:
    session = await world.sign_in("ann")
    await world.register("T", session=session, by_session=True, silent_after=session.silent_after)
    suspend = world.store.members.set_suspended

    await suspend(world.application.id, session.user_id, since=world.now)
    await suspend(world.application.id, session.user_id, since=None)
    world.clock.advance(2 * 86_400)

    assert await sent_to(world) == set()

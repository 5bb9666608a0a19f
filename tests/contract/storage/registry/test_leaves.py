"""Leave to register a phone for somebody, and its revocation meanwhile, on both engines."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from heliograph.core.model.registration import MemberKey

if TYPE_CHECKING:
    from tests.contract.storage.world import World

    from heliograph.core.model.registration import Draft

pytestmark = pytest.mark.anyio


async def lent(world: World, name: str, *, leave: int | None) -> Draft:
    """A phone of the user's that another account's client registers."""
    session = await world.sign_in(name)
    owner = MemberKey(session.user_id, session.member_id, name)
    draft = world.draft("T", user=owner, by_user=True, by_token=True, origin="discord")
    return draft._replace(claim=world.shared("T", name).claim, leave=leave)


async def revoke(world: World, draft: Draft) -> None:
    assert isinstance(draft.owner, MemberKey)
    place, user = world.application.id, draft.owner.user_id
    await world.store.sessions.revoke(place, user, "discord", now=world.now)


async def test_nobody_is_registered_by_leave_that_they_revoked(world: World) -> None:
    ann = await lent(world, "ann", leave=0)
    bob, carol = await lent(world, "bob", leave=0), await lent(world, "carol", leave=None)
    await revoke(world, ann)
    await revoke(world, carol)

    made = await world.store.registry.synchronize([ann, bob, carol], is_exact=True)

    assert [row.external_user_id for row in made] == ["bob", "carol"]
    assert set(await world.living()) == {row.id for row in made}

    again = await world.store.registry.synchronize([ann._replace(leave=1)], is_exact=False)

    assert [row.external_user_id for row in again] == ["ann"]
    await world.check()


async def test_nobody_is_registered_who_is_no_more(world: World) -> None:
    people = [await lent(world, f"user {n}", leave=0) for n in range(10)]
    gone = await lent(world, "ann", leave=0)
    remove = world.store.people.remove
    owners = [each.owner for each in (*people, gone) if isinstance(each.owner, MemberKey)]
    assert await remove(world.account.id, owners[-1].user_id, now=world.now)

    assert await world.store.registry.synchronize([gone], is_exact=False) == []
    await asyncio.gather(
        *(world.store.registry.synchronize([each], is_exact=False) for each in people),
        *(remove(world.account.id, owner.user_id, now=world.now) for owner in owners[:-1]),
    )

    assert await world.living() == {}
    await world.check()


async def test_without_anybodys_leave_nothing_changes(world: World) -> None:
    ann = await lent(world, "ann", leave=0)
    bobs = await world.register("T", user="bob", device="d")
    await revoke(world, ann)

    assert await world.store.registry.synchronize([ann], is_exact=True) == []
    assert await world.get(bobs) == bobs


async def test_a_revocation_beside_a_use_leaves_nothing_behind(world: World) -> None:
    people = [await lent(world, f"user {n}", leave=0) for n in range(20)]

    await asyncio.gather(
        *(world.store.registry.synchronize([each], is_exact=False) for each in people),
        *(revoke(world, each) for each in people),
    )

    assert await world.living() == {}
    await world.check()

"""Issuers, used nonces and how members stand, on both engines."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from heliograph.core.ids import new_id
from heliograph.core.model.identity import Session, SessionForm
from heliograph.core.model.issuer import Issuer, KeyAlgorithm, TrustedKey
from heliograph.core.stores.issuers import MemberState
from heliograph.storage.tables.sign_in import spent_nonces

if TYPE_CHECKING:
    from tests.contract.storage.world import World

pytestmark = pytest.mark.anyio

KEY = TrustedKey("k", KeyAlgorithm.RS256, "pem")


def issuer(world: World, name: str = "https://id.example.com") -> Issuer:
    return Issuer(
        id=new_id(world.now),
        application_id=world.application.id,
        form=SessionForm.NATIVE,
        name=name,
        created=world.now,
        audience="push",
        keys=(KEY,),
        jwks_url="https://id.example.com/keys",
    )


async def test_an_issuer_is_read_as_it_was_written(world: World) -> None:
    written = issuer(world)

    assert await world.store.issuers.add_issuer(written)

    assert await world.store.issuers.issuers(world.application.id) == [written]
    assert await world.store.issuers.issuers(new_id(world.now)) == []


async def test_of_one_form_and_name_there_is_one(world: World) -> None:
    written = issuer(world)
    await world.store.issuers.add_issuer(written)

    assert not await world.store.issuers.add_issuer(issuer(world))
    assert await world.store.issuers.add_issuer(replace(issuer(world), form=SessionForm.LAYER))


async def test_an_issuers_keys_are_replaced_and_nothing_else(world: World) -> None:
    written = issuer(world)
    await world.store.issuers.add_issuer(written)
    changed = replace(written, audience=None, keys=(), jwks_url=None)

    assert await world.store.issuers.replace_issuer(replace(changed, name="another"))

    assert await world.store.issuers.issuers(world.application.id) == [changed]
    assert not await world.store.issuers.replace_issuer(issuer(world))


async def test_an_issuer_goes_once(world: World) -> None:
    written = issuer(world)
    await world.store.issuers.add_issuer(written)

    assert await world.store.issuers.remove_issuer(world.application.id, written.id)
    assert not await world.store.issuers.remove_issuer(world.application.id, written.id)


async def test_of_many_at_once_one_spends_a_nonce(world: World) -> None:
    expires_at = world.now + timedelta(minutes=10)

    spent = await asyncio.gather(
        *(
            world.store.nonces.spend(b"n" * 16, expires_at=expires_at, now=world.now)
            for _ in range(8)
        )
    )

    assert sorted(spent) == [False] * 7 + [True]


async def test_nonces_that_are_over_leave_as_others_come(world: World) -> None:
    for number in range(5):
        expires_at = world.now + timedelta(minutes=10)
        await world.store.nonces.spend(bytes([number]) * 16, expires_at=expires_at, now=world.now)
    world.clock.advance(601)
    expires_at = world.now + timedelta(minutes=10)

    await world.store.nonces.spend(b"new" + bytes(13), expires_at=expires_at, now=world.now)

    count = select(func.count()).select_from(spent_nonces)
    database = world.store.nonces._database
    assert await database.read(lambda connection: connection.execute(count).scalar_one()) == 1


async def test_how_members_stand_is_read_by_their_names(world: World) -> None:
    store, application = world.store, world.application
    ids = {}
    for name in ("ann", "bob", "zoe"):
        user, _ = await store.identity.ensure_member(
            world.account.id, application.id, name, now=world.now
        )
        ids[name] = user.id
    await store.members.set_badge(application.id, ids["ann"], 3)
    await store.members.set_badge(application.id, ids["ann"], 4)
    await store.members.set_suspended(application.id, ids["ann"], since=world.now)
    await store.members.set_suspended(application.id, ids["bob"], since=world.now)
    await store.members.set_suspended(application.id, ids["bob"], since=None)

    states = await store.members.member_states(application.id, ["ann", "bob", "nobody"])

    assert states == {
        "ann": MemberState(ids["ann"], 4, is_suspended=True),
        "bob": MemberState(ids["bob"]),
    }
    assert await store.members.is_suspended(application.id, ids["ann"])
    assert not await store.members.is_suspended(application.id, ids["zoe"])
    assert await store.members.member_states(new_id(world.now), ["ann"]) == {}


async def test_many_names_are_read_in_parts(world: World) -> None:
    names = [f"user {number}" for number in range(2500)]
    await world.store.identity.ensure_member(
        world.account.id, world.application.id, names[-1], now=world.now
    )

    states = await world.store.members.member_states(world.application.id, names)

    assert list(states) == [names[-1]]


async def test_of_many_at_once_one_standing_session_is_made(world: World) -> None:
    user, member = await world.store.identity.ensure_member(
        world.account.id, world.application.id, "ann", now=world.now
    )
    sessions = [
        Session(
            id=new_id(world.now),
            account_id=world.account.id,
            application_id=world.application.id,
            user_id=user.id,
            member_id=member.member_id,
            form=SessionForm.NATIVE,
            created=world.now,
            expires_at=world.now + timedelta(days=1),
            external_user_id="ann",
        )
        for _ in range(8)
    ]

    found = await asyncio.gather(
        *(world.store.identity.ensure_session(each, b"t" * 32) for each in sessions)
    )

    assert len({each.id for each in found}) == 1
    assert found[0].external_user_id == "ann"


async def test_settings_are_laid_over_one_section(world: World) -> None:
    store, application = world.store.identity, world.application
    await store.change_settings(application.id, "layer", {"a": 1, "b": 2})

    await store.change_settings(application.id, "layer", {"b": 3})
    await store.change_settings(application.id, "other", {"c": 4})

    found = await store.application(application.id)
    assert found is not None
    assert found.settings == {"layer": {"a": 1, "b": 3}, "other": {"c": 4}}

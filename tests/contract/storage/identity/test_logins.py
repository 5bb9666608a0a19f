"""Logins, keys, renewal and revocation, on both engines."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from heliograph.core.errors import Conflict, NotAuthenticated
from heliograph.core.ids import Id, new_id
from heliograph.core.model.identity import Login, Session, SessionForm, SessionKind
from heliograph.core.model.registration import MemberKey
from heliograph.core.stores.logins import StoredSession

if TYPE_CHECKING:
    from tests.contract.storage.world import World

    from heliograph.storage.store import SqlStore

pytestmark = pytest.mark.anyio

DISCORD = SessionForm.DISCORD


async def new_login(world: World, name: str, form: SessionForm = DISCORD) -> Login:
    user, _ = await world.store.identity.ensure_member(
        world.account.id, world.application.id, name, now=world.now
    )
    login = Login(
        new_id(world.now), world.application.id, form, name, user.id, world.now, world.now, name
    )
    await world.store.logins.add_login(login, name, f"hash of {name}")
    return login


async def test_a_login_is_found_by_id_by_name_and_by_user(world: World) -> None:
    login = await new_login(world, "ann")
    logins, place = world.store.logins, world.application.id

    by_name = await logins.login_by_name(place, DISCORD, "ann")
    by_user = await logins.login_of_user(place, DISCORD, login.user_id)

    assert await logins.login(place, login.id) == login
    assert by_name is not None
    assert (by_name.login, by_name.password_hash) == (login, "hash of ann")
    assert by_user == by_name
    assert await logins.login_by_name(place, SessionForm.NAVIXY, "ann") is None
    assert await logins.login_by_name(world.account.id, DISCORD, "ann") is None
    assert await logins.login(place, new_id(world.now)) is None


async def test_a_name_and_a_user_have_one_login_of_a_form(world: World) -> None:
    ann, bob = await new_login(world, "ann"), await new_login(world, "bob")
    add = world.store.logins.add_login
    another = new_id(world.now)

    with pytest.raises(Conflict):
        await add(replace(ann, id=another, user_id=new_id(world.now)), "ann", "x")
    with pytest.raises(Conflict):
        await add(replace(bob, id=another), "bobby", "x")
    await new_login(world, "ann", SessionForm.NAVIXY)


async def test_of_two_who_want_a_name_at_once_one_gets_it(world: World) -> None:
    ann, bob = await new_login(world, "ann"), await new_login(world, "bob")
    change = world.store.logins.change_login

    answers = await asyncio.gather(
        change(replace(ann, name="carl"), "carl", None),
        change(replace(bob, name="carl"), "carl", None),
        return_exceptions=True,
    )

    assert sorted(map(type, answers), key=str) == sorted([bool, Conflict], key=str)


async def test_a_change_writes_what_is_new(world: World) -> None:
    ann = await new_login(world, "ann")
    logins, place = world.store.logins, world.application.id

    assert await logins.change_login(replace(ann, name="Annie"), "annie", None)
    renamed = await logins.login_by_name(place, DISCORD, "annie")
    assert await logins.change_login(replace(ann, name="Annie"), "annie", "another hash")
    changed = await logins.login_by_name(place, DISCORD, "annie")

    assert renamed is not None
    assert changed is not None
    assert (renamed.login.name, renamed.password_hash) == ("Annie", "hash of ann")
    assert changed.password_hash == "another hash"
    assert await logins.login_by_name(place, DISCORD, "ann") is None


async def test_of_two_who_change_a_password_that_they_proved_one_does(world: World) -> None:
    ann = await new_login(world, "ann")
    logins, place = world.store.logins, world.application.id

    changed = await asyncio.gather(
        *(logins.change_login(ann, "ann", f"hash {n}", held="hash of ann") for n in range(5))
    )
    late = await logins.change_login(ann, "ann", "late", held="hash of ann")
    found = await logins.login_by_name(place, DISCORD, "ann")

    assert (sorted(changed), late) == ([False] * 4 + [True], False)
    assert found is not None
    assert found.password_hash == f"hash {changed.index(True)}"


async def test_what_is_removed_is_gone(world: World) -> None:
    ann = await new_login(world, "ann")
    logins, place = world.store.logins, world.application.id

    assert await logins.remove_login(place, ann.id)
    assert not await logins.remove_login(place, ann.id)
    assert not await logins.change_login(ann, "ann", None)
    assert await logins.logins(place, after=None, limit=10) == []


async def test_a_login_goes_with_its_user(world: World) -> None:
    ann, bob = await new_login(world, "ann"), await new_login(world, "bob")
    await new_login(world, "ann of navixy", SessionForm.NAVIXY)

    assert await world.store.people.remove(world.account.id, ann.user_id, now=world.now)

    logins = world.store.logins
    assert await logins.login_by_name(world.application.id, DISCORD, "ann") is None
    assert await logins.login(world.application.id, bob.id) == bob
    again = await new_login(world, "ann")
    assert again.user_id != ann.user_id


async def test_logins_are_listed_by_age_and_in_parts(world: World) -> None:
    made = []
    for name in ("ann", "bob", "carl"):
        made.append(await new_login(world, name))
        world.clock.advance(1)
    find = world.store.logins.logins

    assert await find(world.application.id, after=None, limit=2) == made[:2]
    assert await find(world.application.id, after=made[1].id, limit=2) == made[2:]


def key_of(session: Session, world: World) -> StoredSession:
    world.clock.advance(0.001)
    key = replace(session, id=new_id(world.now), kind=SessionKind.KEY, label="fleet")
    return StoredSession(key, b"sealed " + key.id)


async def test_keys_are_counted_and_shown_again(world: World) -> None:
    session = await world.sign_in("ann")
    sessions = world.store.sessions
    keys = [key_of(session, world) for _ in range(3)]

    added = [
        await sessions.add_shown_session(key, key.session.id * 2, maker=session.id, most=2)
        for key in keys
    ]

    shown = await sessions.shown_sessions_of(
        world.application.id, session.user_id, session.form, SessionKind.KEY
    )
    own = await sessions.sessions_of(
        world.application.id, session.user_id, session.form, SessionKind.SIGN_IN
    )
    assert added == [True, True, False]
    assert list(shown) == keys[:2]
    assert list(own) == [session]


async def test_a_session_that_ended_makes_no_key(world: World) -> None:
    session, other = await world.sign_in("ann"), await world.sign_in("ann")
    sessions, key = world.store.sessions, key_of(session, world)
    await sessions.end_sessions([session.id], now=world.now)

    with pytest.raises(NotAuthenticated):
        await sessions.add_shown_session(key, b"k" * 32, maker=session.id, most=2)
    assert await sessions.add_shown_session(key, b"k" * 32, maker=other.id, most=2)


async def test_guests_that_are_made_at_once_replace_one_another(world: World) -> None:
    session = await world.sign_in("ann")
    key = key_of(session, world)
    await world.store.sessions.add_shown_session(key, b"k" * 32, maker=session.id, most=2)
    guests = [
        replace(each, session=replace(each.session, kind=SessionKind.GUEST))
        for each in (key_of(session, world) for _ in range(6))
    ]

    ended = await asyncio.gather(
        *(
            world.store.sessions.replace_shown_session(
                guest, guest.session.id * 2, maker=session.id, now=world.now
            )
            for guest in guests
        )
    )

    place = (world.application.id, session.user_id, session.form)
    (last,) = await world.store.sessions.shown_sessions_of(*place, SessionKind.GUEST)
    gone = {digest for each in ended for digest in each}
    assert gone == {each.session.id * 2 for each in guests if each != last}
    assert await world.store.sessions.shown_sessions_of(*place, SessionKind.KEY) == [key]
    with pytest.raises(NotAuthenticated):
        await world.store.sessions.replace_shown_session(
            guests[0], b"g" * 32, maker=new_id(world.now), now=world.now
        )


async def test_keys_that_are_made_at_once_are_counted_too(two_stores: list[SqlStore]) -> None:
    from tests.conftest import FakeClock
    from tests.contract.storage.world import new_world

    world = await new_world(two_stores[0], FakeClock())
    session = await world.sign_in("ann")
    keys = [key_of(session, world) for _ in range(6)]

    added = await asyncio.gather(
        *(
            two_stores[number % 2].sessions.add_shown_session(
                key, key.session.id * 2, maker=session.id, most=2
            )
            for number, key in enumerate(keys)
        )
    )

    assert sum(added) == 2


async def test_a_renewed_session_is_heard_as_long(world: World) -> None:
    session, other = await world.sign_in("ann"), await world.sign_in("ann")
    soon, later = world.now + timedelta(days=1), world.now + timedelta(days=30)
    one = await world.register("A", session=session, by_session=True, silent_after=soon)
    two = await world.register("B", session=other, by_session=True, silent_after=soon)
    kept = await world.register("C", device="d", session=session, silent_after=None)

    assert await world.store.sessions.prolong(session.id, later)

    found = [await world.get(row) for row in (one, two, kept)]
    assert [row and row.silent_after for row in found] == [later, soon, None]
    assert not await world.store.sessions.prolong(new_id(world.now), later)


async def test_what_is_registered_while_its_session_is_renewed_is_heard_as_long(
    world: World,
) -> None:
    session = await world.sign_in("ann")
    later = world.now + timedelta(days=30)
    as_read = world.draft("A", session=session, by_session=True, silent_after=session.silent_after)
    assert await world.store.sessions.prolong(session.id, later)

    made = await world.store.registry.register(as_read._replace(silent_with_session=True))
    other = await world.register("B", device="d", session=session, silent_after=world.now)

    assert made.silent_after == later
    assert other.silent_after == world.now
    assert await world.get(made) == made


async def test_ending_sessions_forgets_what_they_registered_and_nothing_else(world: World) -> None:
    ann, again, bob = [await world.sign_in(name) for name in ("ann", "ann", "bob")]
    gone = [
        await world.register("A", session=ann, by_session=True),
        await world.register("B", session=bob, by_session=True),
    ]
    kept = await world.register("C", session=again, by_session=True)

    ended = await world.store.sessions.end_sessions(
        [ann.id, bob.id, new_id(world.now)], now=world.now
    )

    assert len(ended) == 2
    assert [await world.get(row) for row in gone] == [None, None]
    assert await world.get(kept) == kept
    await world.check()


async def test_revoking_counts_and_forgets_what_nobody_signed_in_for(world: World) -> None:
    session, bob = await world.sign_in("ann"), await world.sign_in("bob")
    ann = MemberKey(session.user_id, session.member_id, "ann")
    owner = MemberKey(bob.user_id, bob.member_id, "bob")
    lent = await world.register("A", user=ann, by_user=True, by_token=True, origin="discord")
    own = await world.register("B", session=session, by_session=True, origin="discord")
    other = await world.register("C", user=ann, by_user=True, by_token=True, origin="twilio")
    bobs = await world.register("D", user=owner, by_user=True, by_token=True, origin="discord")
    sessions, place = world.store.sessions, world.application.id

    before = await sessions.revocations(place, session.user_id)
    await sessions.revoke(place, session.user_id, "discord", now=world.now)
    await sessions.revoke(place, session.user_id, None, now=world.now)

    assert (before, await sessions.revocations(place, session.user_id)) == (0, 2)
    assert await sessions.revocations(place, bob.user_id) == 0
    assert await world.get(lent) is None
    assert [await world.get(row) for row in (own, other, bobs)] == [own, other, bobs]


async def test_sessions_that_are_not_over_are_counted(world: World) -> None:
    ann, other = await world.sign_in("ann"), await world.sign_in("ann")
    bob = await world.sign_in("bob")
    count = world.store.sessions.count_open
    native, kind = SessionForm.NATIVE, SessionKind.SIGN_IN
    await world.store.sessions.prolong(other.id, world.now + timedelta(days=2))

    assert await count(ann.member_id, native, kind, now=world.now) == 2
    assert await count(ann.member_id, native, kind, now=ann.expires_at) == 1
    assert await count(bob.member_id, native, kind, now=world.now) == 1
    assert await count(ann.member_id, DISCORD, kind, now=world.now) == 0
    assert await count(ann.member_id, native, SessionKind.KEY, now=world.now) == 0


async def test_a_user_is_found_by_the_customers_own_id(world: World) -> None:
    session = await world.sign_in("ann")
    named = world.store.sessions.user_named

    assert await named(world.account.id, "ann") == session.user_id
    assert await named(world.account.id, "nobody") is None
    assert await named(Id(bytes(16)), "ann") is None

"""Users and their memberships: known, unknown, or shut out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.unit.core.stubs import ACCOUNT, APPLICATION, NOW, RecordingStore, client, session

from heliograph.core.aliases import Aliases
from heliograph.core.errors import NotAuthenticated, NotFound, Suspended
from heliograph.core.identity.identity import Identity, secret_hash
from heliograph.core.ids import new_id
from heliograph.core.model.identity import SessionForm, SessionKind, User
from heliograph.core.model.registration import MemberKey

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.conftest import FakeClock

    from heliograph.core.ids import Id

pytestmark = pytest.mark.anyio

ANN = User(new_id(NOW), ACCOUNT, "ann", NOW)
MEMBER = MemberKey(ANN.id, new_id(NOW), "ann")


class ShutOutMeanwhile(RecordingStore):
    """A user who is suspended behind the first look."""

    async def is_suspended(self, application_id: Id, user_id: Id) -> bool:
        self.calls.append(("is_suspended", (application_id, user_id), {}))
        return len(self.asked("is_suspended")) > 1


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore({"ensure_member": (ANN, MEMBER), "is_suspended": False})


@pytest.fixture
def identity(store: RecordingStore, clock: FakeClock) -> Identity:
    aliases = Aliases(store, clock, cache_ttl_s=5)
    return Identity(store, clock, aliases, cache_ttl_s=5, members=store)


async def test_a_user_of_the_account_is_found(identity: Identity, store: RecordingStore) -> None:
    store.answers["user"] = ANN

    assert await identity.user(ACCOUNT, ANN.id) is ANN
    assert store.asked("user") == [(ACCOUNT, ANN.id)]


async def test_a_known_user_owns_what_is_registered(
    identity: Identity, store: RecordingStore
) -> None:
    store.answers["member_of_user"] = MEMBER

    assert await identity.member_of(APPLICATION, ANN.id) is MEMBER
    assert store.asked("member_of_user") == [(APPLICATION.id, ANN.id)]


async def test_memberships_are_listed_by_user_and_found_by_id(
    identity: Identity, store: RecordingStore
) -> None:
    store.answers["members"] = [MEMBER]

    assert await identity.members_of(ACCOUNT, ANN.id) == [MEMBER]
    assert await identity.member(ACCOUNT, MEMBER.member_id) is MEMBER
    assert [named for _, _, named in store.calls] == [
        {"user_id": ANN.id},
        {"member_id": MEMBER.member_id},
    ]


async def test_what_is_not_there_is_not_found(identity: Identity, store: RecordingStore) -> None:
    store.answers["members"] = []

    for asking, kind in (
        (identity.user(ACCOUNT, ANN.id), "user"),
        (identity.member_of(APPLICATION, ANN.id), "user"),
        (identity.member(ACCOUNT, MEMBER.member_id), "member"),
    ):
        with pytest.raises(NotFound) as caught:
            await asking
        assert caught.value.kind == kind


async def test_a_fresh_user_is_nobody_else(identity: Identity) -> None:
    one, other = identity.fresh_user(ACCOUNT), identity.fresh_user(ACCOUNT)

    assert one.account_id == ACCOUNT
    assert len({one.user_id, one.member_id, other.user_id, other.member_id}) == 4


@pytest.mark.parametrize("user_id", ["x", "x" * 256, "\N{PILE OF POO}" * 256])
async def test_the_shortest_and_the_longest_ids_are_taken(identity: Identity, user_id: str) -> None:
    assert await identity.create_user(APPLICATION, user_id) is ANN


async def test_a_suspended_application_signs_nobody_in(
    identity: Identity, store: RecordingStore
) -> None:
    application = replace(APPLICATION, settings={"application": {"is_suspended": True}})

    with pytest.raises(Suspended) as caught:
        await identity.create_session(application, "ann", SessionForm.NATIVE, None)

    assert caught.value.kind == "application"
    assert store.asked("add_session") == []


async def test_a_suspended_user_is_not_signed_in(identity: Identity, store: RecordingStore) -> None:
    store.answers["is_suspended"] = True

    with pytest.raises(Suspended) as caught:
        await identity.create_session(APPLICATION, "ann", SessionForm.NATIVE, None)

    assert caught.value.kind == "user"
    assert store.asked("is_suspended") == [(APPLICATION.id, ANN.id)]
    assert store.asked("add_session") == []


@pytest.mark.parametrize("is_standing", [False, True])
async def test_who_is_suspended_while_they_sign_in_is_not_signed_in(
    clock: FakeClock, *, is_standing: bool
) -> None:
    standing = session(form=SessionForm.NATIVE).session
    store = ShutOutMeanwhile({"ensure_member": (ANN, MEMBER), "ensure_session": standing})
    aliases = Aliases(store, clock, cache_ttl_s=5)
    identity = Identity(store, clock, aliases, cache_ttl_s=5, members=store)

    native = SessionForm.NATIVE
    signing_in: Awaitable[object] = (
        identity.standing_session(APPLICATION, "ann", native, "mark")
        if is_standing
        else identity.create_session(APPLICATION, "ann", native, None)
    )

    with pytest.raises(Suspended):
        await signing_in

    written = standing if is_standing else store.asked("add_session")[0][0]
    assert [ended for (ended,) in store.asked("end_session")] == [written.id]
    assert not identity.is_standing("mark", standing.id)


@pytest.mark.parametrize(("kind", "opens"), [(SessionKind.KEY, False), (SessionKind.SIGN_IN, True)])
async def test_a_key_opens_nothing_while_its_user_is_suspended(
    identity: Identity, store: RecordingStore, kind: SessionKind, *, opens: bool
) -> None:
    principal = session(form=SessionForm.NAVIXY, kind=kind)
    store.answers |= {"session_by_token": principal.session, "is_suspended": True}

    # A sign-in of theirs ended with the suspension: whether there is one is the store's word.
    if opens:
        assert await identity.session("token", SessionForm.NAVIXY) == principal
        assert store.asked("is_suspended") == []
    else:
        with pytest.raises(Suspended):
            await identity.session("token", SessionForm.NAVIXY)
        store.answers["is_suspended"] = False
        assert await identity.session("token", SessionForm.NAVIXY) == principal


async def test_whoever_was_shut_out_is_not_believed_any_longer(
    identity: Identity, store: RecordingStore
) -> None:
    store.answers |= {"client_by_secret": client().client, "session_by_token": session().session}
    await identity.client("key")
    await identity.session("token", SessionForm.NATIVE)
    store.answers.clear()

    identity.forget_principals()

    with pytest.raises(NotAuthenticated):
        await identity.client("key")
    with pytest.raises(NotAuthenticated):
        await identity.session("token", SessionForm.NATIVE)


async def test_sessions_that_ended_elsewhere_are_looked_at_anew(
    identity: Identity, store: RecordingStore
) -> None:
    store.answers["session_by_token"] = session().session
    await identity.session("ended", SessionForm.NATIVE)
    kept = await identity.session("kept", SessionForm.NATIVE)
    store.answers.clear()

    identity.forget_sessions([secret_hash("ended")])

    assert await identity.session("kept", SessionForm.NATIVE) is kept
    with pytest.raises(NotAuthenticated):
        await identity.session("ended", SessionForm.NATIVE)

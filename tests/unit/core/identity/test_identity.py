from __future__ import annotations

import base64
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.unit.core.stubs import ACCOUNT, APPLICATION, NOW, RecordingStore, client, session

from heliograph.core.aliases import Aliases
from heliograph.core.errors import InvalidRequest, NotAuthenticated, NotPermitted
from heliograph.core.identity.identity import (
    DEFAULT_TTL,
    MAX_TTL_S,
    Identity,
    new_session_token,
    secret_hash,
)
from heliograph.core.ids import new_id
from heliograph.core.model.identity import SessionForm, User
from heliograph.core.model.registration import MemberKey

if TYPE_CHECKING:
    from tests.conftest import FakeClock

pytestmark = pytest.mark.anyio

ANN = User(new_id(NOW), ACCOUNT, "ann", NOW)
SNOWFLAKE = "852892297661906993"
MEMBER = MemberKey(ANN.id, new_id(NOW), "ann")


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore({"ensure_member": (ANN, MEMBER)})


@pytest.fixture
def identity(store: RecordingStore, clock: FakeClock) -> Identity:
    store.answers["alias_of"] = SNOWFLAKE
    aliases = Aliases(store, clock, cache_ttl_s=5)
    return Identity(store, clock, aliases, cache_ttl_s=5)


FORMS = {
    SessionForm.NATIVE: r"hgs_[A-Za-z0-9_-]{43}",
    SessionForm.LAYER: r"[A-Za-z0-9._-]{64}",
    SessionForm.DISCORD: r"[A-Za-z0-9_-]{24}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{38}",
    SessionForm.NAVIXY: r"[0-9a-f]{32}",
}


@pytest.mark.parametrize(("form", "pattern"), FORMS.items())
def test_a_session_token_has_the_form_its_clients_expect(form: SessionForm, pattern: str) -> None:
    tokens = {new_session_token(form, SNOWFLAKE, NOW) for _ in range(20)}

    assert len(tokens) == 20
    assert [token for token in tokens if not re.fullmatch(pattern, token)] == []


def test_every_form_is_tested() -> None:
    assert set(FORMS) == set(SessionForm)


def test_a_discord_token_names_its_user_and_its_age() -> None:
    user, age, _ = new_session_token(SessionForm.DISCORD, SNOWFLAKE, NOW).split(".")

    assert base64.urlsafe_b64decode(user).decode() == SNOWFLAKE
    age_s = int.from_bytes(base64.urlsafe_b64decode(age + "=="), "big")
    assert age_s == NOW.timestamp() - 1_293_840_000


def test_any_text_can_be_hashed() -> None:
    assert secret_hash("\ud800") != secret_hash("x")
    assert len(secret_hash("x")) == 32


async def test_a_client_is_known_by_its_key(identity: Identity, store: RecordingStore) -> None:
    store.answers["client_by_secret"] = known = client().client

    principal = await identity.client("key")

    assert principal.client is known
    assert store.asked("client_by_secret") == [(secret_hash("key"),)]


async def test_a_client_is_believed_for_a_while_and_then_asked_for_again(
    identity: Identity, store: RecordingStore, clock: FakeClock
) -> None:
    store.answers["client_by_secret"] = client().client
    believed = await identity.client("key")
    store.answers.clear()

    assert await identity.client("key") is believed
    clock.advance(5)

    with pytest.raises(NotAuthenticated):
        await identity.client("key")


async def test_an_unknown_credential_proves_nothing(identity: Identity) -> None:
    with pytest.raises(NotAuthenticated):
        await identity.client("key")
    with pytest.raises(NotAuthenticated):
        await identity.session("token", SessionForm.NATIVE)


async def test_a_session_is_known_by_its_token(identity: Identity, store: RecordingStore) -> None:
    store.answers["session_by_token"] = known = session().session

    first = await identity.session("token", SessionForm.NATIVE)
    again = await identity.session("token", SessionForm.NATIVE)

    assert first.session is again.session is known
    assert store.asked("session_by_token") == [(secret_hash("token"), SessionForm.NATIVE)]


async def test_a_session_that_is_over_proves_nothing_even_if_remembered(
    identity: Identity, store: RecordingStore, clock: FakeClock
) -> None:
    expires_at = clock.now() + timedelta(seconds=2)
    store.answers["session_by_token"] = session(expires_at=expires_at).session
    await identity.session("token", SessionForm.NATIVE)

    clock.advance(2)

    with pytest.raises(NotAuthenticated):
        await identity.session("token", SessionForm.NATIVE)


async def test_a_token_of_one_form_is_no_token_of_another(
    identity: Identity, store: RecordingStore
) -> None:
    store.answers["session_by_token"] = session().session
    await identity.session("token", SessionForm.NATIVE)

    with pytest.raises(NotAuthenticated):
        await identity.session("token", SessionForm.LAYER)


async def test_a_key_is_no_session_and_a_session_no_key(
    identity: Identity, store: RecordingStore
) -> None:
    store.answers["client_by_secret"] = client().client
    await identity.client("secret")
    with pytest.raises(NotAuthenticated):
        await identity.session("secret", SessionForm.NATIVE)

    store.answers = {"session_by_token": session().session}
    await identity.session("token", SessionForm.NATIVE)
    with pytest.raises(NotAuthenticated):
        await identity.client("token")


async def test_a_back_end_signs_a_user_in(
    identity: Identity, store: RecordingStore, clock: FakeClock
) -> None:
    made, token = await identity.mint_session(
        client(), APPLICATION, "ann", SessionForm.NAVIXY, timedelta(hours=1)
    )

    assert (made.user_id, made.member_id, made.external_user_id) == (*_ids(), "ann")
    assert made.expires_at == clock.now() + timedelta(hours=1)
    assert store.asked("add_session") == [(made, secret_hash(token))]


def _ids() -> tuple[bytes, bytes]:
    return ANN.id, MEMBER.member_id


async def test_a_session_cannot_sign_anybody_in(identity: Identity, store: RecordingStore) -> None:
    with pytest.raises(NotPermitted):
        await identity.mint_session(session(), APPLICATION, "ann", SessionForm.NATIVE, None)

    assert store.calls == []


async def test_a_session_lives_thirty_days_if_nobody_says_otherwise(
    identity: Identity, clock: FakeClock
) -> None:
    made, _ = await identity.create_session(APPLICATION, "ann", SessionForm.NATIVE, None)

    assert made.expires_at == clock.now() + DEFAULT_TTL


@pytest.mark.parametrize("seconds", [1, MAX_TTL_S])
async def test_the_shortest_and_the_longest_life_are_taken(
    identity: Identity, seconds: int
) -> None:
    life = timedelta(seconds=seconds)

    made, _ = await identity.create_session(APPLICATION, "ann", SessionForm.NATIVE, life)

    assert made.expires_at - made.created == life


@pytest.mark.parametrize("seconds", [-1, 0, 0.999, MAX_TTL_S + 1])
async def test_a_life_that_cannot_be_is_refused(identity: Identity, seconds: float) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await identity.create_session(
            APPLICATION, "ann", SessionForm.NATIVE, timedelta(seconds=seconds)
        )

    assert [problem.field for problem in caught.value.problems] == ["ttl_s"]


@pytest.mark.parametrize("user_id", ["", "x" * 257, "a\0b", "\ud800"])
async def test_a_user_id_that_cannot_be_is_refused(identity: Identity, user_id: str) -> None:
    for attempt in (
        identity.create_session(APPLICATION, user_id, SessionForm.NATIVE, None),
        identity.create_user(APPLICATION, user_id),
    ):
        with pytest.raises(InvalidRequest) as caught:
            await attempt
        assert [problem.field for problem in caught.value.problems] == ["user_id"]


async def test_an_ended_session_is_forgotten_at_once(
    identity: Identity, store: RecordingStore
) -> None:
    store.answers |= {"session_by_token": session().session, "end_session": True}
    await identity.session("token", SessionForm.NATIVE)

    assert await identity.end_session("token", SessionForm.NATIVE)
    store.answers.clear()

    with pytest.raises(NotAuthenticated):
        await identity.session("token", SessionForm.NATIVE)


async def test_an_unknown_session_cannot_be_ended(identity: Identity) -> None:
    assert not await identity.end_session("token", SessionForm.NATIVE)


@pytest.mark.parametrize("user_id", ["ann", None])
async def test_a_user_is_made_or_found(identity: Identity, user_id: str | None) -> None:
    assert await identity.create_user(APPLICATION, user_id) is ANN


async def test_users_and_sessions_are_listed(identity: Identity, store: RecordingStore) -> None:
    store.answers |= {"users": [ANN], "sessions": [session().session]}

    assert await identity.users_of(ACCOUNT) == [ANN]
    assert len(await identity.sessions_of(APPLICATION.id)) == 1


async def test_a_client_that_proved_itself_is_found_by_its_id(
    identity: Identity, store: RecordingStore, clock: FakeClock
) -> None:
    store.answers["client"] = known = client().client

    principals = [await identity.client_of(known.id) for _ in range(2)]

    assert [principal.client for principal in principals] == [known, known]
    assert store.asked("client") == [(known.id,)]
    clock.advance(6)
    store.answers["client"] = None
    with pytest.raises(NotAuthenticated):
        await identity.client_of(known.id)

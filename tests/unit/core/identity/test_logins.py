from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.unit.core.stubs import APPLICATION, NOW, RecordingStore, client, session

from heliograph.config import Limits
from heliograph.core import access
from heliograph.core.errors import (
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    QuotaReached,
    RateLimited,
    Unavailable,
    WrongLogin,
)
from heliograph.core.identity.logins import Logins, key_of
from heliograph.core.identity.rates import Rates
from heliograph.core.identity.sessions import Sessions
from heliograph.core.ids import new_id
from heliograph.core.model.identity import Login, Scope, SessionForm, SessionKind
from heliograph.core.stores.logins import StoredLogin, StoredSession
from heliograph.security.rate_counters import MemoryCounters
from heliograph.security.sealing import KeyRing

if TYPE_CHECKING:
    from tests.conftest import FakeClock

    from heliograph.core.model.registration import MemberKey

pytestmark = pytest.mark.anyio

DISCORD = SessionForm.DISCORD
PASSWORD = "correct horse"
ANN = session(form=DISCORD)
LOGIN = Login(new_id(NOW), APPLICATION.id, DISCORD, "Ann", ANN.session.user_id, NOW, NOW, "ann")
BACK_END = client()


class PlainPasswords:
    """Passwords that are their own hashes; old ones begin with "old "."""

    async def hash(self, password: str) -> str:
        return password

    async def is_right(self, password: str, known: str | None) -> bool:
        return known is not None and known.removeprefix("old ") == password

    def is_outdated(self, known: str) -> bool:
        return known.startswith("old ")


@dataclass
class NotingIdentity:
    """Opens and ends sessions by noting them."""

    opened: list[MemberKey] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    forgotten: list[bytes] = field(default_factory=list)

    async def member_of(self, application: Any, user_id: Any) -> MemberKey:
        return access.member_of(ANN)

    async def open_session(self, application: Any, member: MemberKey, form: Any) -> Any:
        self.opened.append(member)
        return ANN.session, "token"

    async def end_session(self, token: str, form: Any) -> bool:
        self.ended.append(token)
        return True

    async def new_session(self, *_: Any) -> Any:
        return ANN.session, "token"

    def forget_sessions(self, digests: Any) -> None:
        self.forgotten += digests


@dataclass
class Desk:
    """The use cases over stores that note what they are asked."""

    clock: FakeClock
    store: RecordingStore = field(default_factory=RecordingStore)
    kept: RecordingStore = field(default_factory=RecordingStore)
    identity: NotingIdentity = field(default_factory=NotingIdentity)

    def __post_init__(self) -> None:
        self.store.answers |= {"change_login": True, "login": LOGIN}
        self.kept.answers["count_open"] = 0
        identity = cast("Any", self.identity)
        self.sessions = Sessions(self.kept, identity, KeyRing([b"k" * 32]), self.clock)
        rates = Rates(MemoryCounters(self.clock.monotonic), Limits(login_attempts=2))
        self.logins = Logins(
            self.store, identity, self.sessions, PlainPasswords(), rates, self.clock
        )

    def knows(self, password_hash: str) -> None:
        stored = StoredLogin(LOGIN, password_hash)
        self.store.answers |= {"login_by_name": stored, "login_of_user": stored}

    async def sign_in(self, password: str = PASSWORD) -> Any:
        return await self.logins.sign_in(APPLICATION, DISCORD, "ann", password, address=None)


@pytest.fixture
def desk(clock: FakeClock) -> Desk:
    return Desk(clock)


async def test_whoever_knows_the_password_signs_in(desk: Desk) -> None:
    desk.knows(PASSWORD)

    assert await desk.sign_in() == (ANN.session, "token")
    assert desk.store.asked("change_login") == []


@pytest.mark.parametrize(("held", "signs_in"), [(999, True), (1000, False), (2000, False)])
async def test_who_has_a_thousand_sessions_opens_no_other(
    desk: Desk, held: int, *, signs_in: bool
) -> None:
    desk.knows(PASSWORD)
    desk.kept.answers["count_open"] = held

    if signs_in:
        await desk.sign_in()
    else:
        with pytest.raises(QuotaReached) as caught:
            await desk.sign_in()
        assert (caught.value.kind, caught.value.limit) == ("session", 1000)
    assert len(desk.identity.opened) == signs_in


async def test_an_old_hash_is_written_anew(desk: Desk) -> None:
    desk.knows(f"old {PASSWORD}")

    await desk.sign_in()

    assert desk.store.asked("change_login") == [(LOGIN, "ann", PASSWORD)]


@pytest.mark.parametrize("after", [None, StoredLogin(LOGIN, "another")])
async def test_a_password_that_changed_meanwhile_ends_what_it_opened(
    desk: Desk, after: StoredLogin | None
) -> None:
    answers = [StoredLogin(LOGIN, PASSWORD), after]

    async def login_by_name(*_: Any) -> StoredLogin | None:
        return answers.pop(0)

    desk.logins._store = cast("Any", SimpleNamespace(login_by_name=login_by_name))

    with pytest.raises(WrongLogin):
        await desk.sign_in()

    assert desk.identity.ended == ["token"]


async def test_attempts_are_limited_for_names_that_nobody_has(desk: Desk) -> None:
    for _ in range(2):
        with pytest.raises(WrongLogin):
            await desk.sign_in()

    with pytest.raises(RateLimited):
        await desk.sign_in()


async def test_who_has_no_login_has_no_password_to_change(desk: Desk) -> None:
    change = desk.logins.change_own_password

    for error in (WrongLogin, WrongLogin, RateLimited):
        with pytest.raises(error):
            await change(ANN, APPLICATION, PASSWORD, "another horse", address=None)


async def test_an_own_password_is_checked_before_anything_is_counted(desk: Desk) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await desk.logins.change_own_password(ANN, APPLICATION, "", "short", address=None)

    assert [problem.path for problem in caught.value.problems] == [("new_password",)]


async def test_a_new_password_of_ones_own_ends_all_and_opens_one(desk: Desk) -> None:
    desk.knows(PASSWORD)
    desk.kept.answers |= {"sessions_of": [ANN.session], "end_sessions": [b"digest"]}

    answer = await desk.logins.change_own_password(
        ANN, APPLICATION, PASSWORD, "another horse", address=None
    )

    assert answer == (ANN.session, "token")
    assert desk.kept.asked("revoke") == [(APPLICATION.id, LOGIN.user_id, "discord")]
    assert desk.identity.forgotten == [b"digest"]
    assert [login.name for login, *_ in desk.store.asked("change_login")] == ["Ann"]


async def test_a_password_that_was_changed_meanwhile_changes_nothing(desk: Desk) -> None:
    desk.knows(PASSWORD)
    desk.store.answers["change_login"] = False

    with pytest.raises(WrongLogin):
        await desk.logins.change_own_password(
            ANN, APPLICATION, PASSWORD, "another horse", address=None
        )

    assert [named for name, _, named in desk.store.calls if name == "change_login"] == [
        {"held": PASSWORD}
    ]
    assert desk.kept.calls == []
    assert desk.identity.opened == []


async def test_an_old_hash_that_was_changed_meanwhile_stays_so(desk: Desk) -> None:
    desk.knows(f"old {PASSWORD}")
    desk.store.answers["change_login"] = False

    assert await desk.sign_in() == (ANN.session, "token")
    assert [named for name, _, named in desk.store.calls if name == "change_login"] == [
        {"held": f"old {PASSWORD}"}
    ]


async def test_what_goes_meanwhile_is_not_found(desk: Desk) -> None:
    desk.store.answers |= {"change_login": False, "remove_login": False}

    with pytest.raises(NotFound):
        await desk.logins.change(BACK_END, APPLICATION, LOGIN.id, name="annie")
    with pytest.raises(NotFound):
        await desk.logins.delete(BACK_END, APPLICATION, LOGIN.id)
    desk.store.answers["login"] = None
    with pytest.raises(NotFound):
        await desk.logins.get(BACK_END, APPLICATION, LOGIN.id)


async def test_a_new_name_ends_nothing(desk: Desk) -> None:
    changed = await desk.logins.change(BACK_END, APPLICATION, LOGIN.id, name="annie")

    assert (changed.name, changed.updated) == ("annie", desk.clock.now())
    assert desk.kept.calls == []


@pytest.mark.parametrize("caller", [client(scopes=frozenset()), ANN])
async def test_logins_need_a_right(desk: Desk, caller: Any) -> None:
    with pytest.raises(NotPermitted):
        await desk.logins.create(caller, APPLICATION, DISCORD, "ann", PASSWORD, "ann")
    with pytest.raises(NotPermitted):
        await desk.logins.find(caller, APPLICATION, after=None, limit=1)
    with pytest.raises(NotPermitted):
        await desk.sessions.sign_out(caller, APPLICATION, "ann")


@pytest.mark.parametrize("name", ["ann", " ANN ", "\uff21nn", "aNN"])
def test_names_are_compared_without_regard_to_case_and_width(name: str) -> None:
    assert key_of(name) == "ann"


@pytest.mark.parametrize("kind", [SessionKind.KEY, SessionKind.GUEST])
async def test_only_a_sign_in_is_renewed(desk: Desk, kind: SessionKind) -> None:
    desk.kept.answers["prolong"] = True

    with pytest.raises(NotAuthenticated):
        await desk.sessions.renew(session(kind=kind), "token")
    await desk.sessions.renew(ANN, "token")

    [(session_id, expires_at)] = desk.kept.asked("prolong")
    assert (session_id, expires_at) == (ANN.session.id, desk.clock.now() + timedelta(days=30))
    assert len(desk.identity.forgotten) == 1


async def test_what_is_over_is_not_renewed(desk: Desk) -> None:
    with pytest.raises(NotAuthenticated):
        await desk.sessions.renew(ANN, "token")


async def test_too_many_keys_are_refused(desk: Desk) -> None:
    desk.kept.answers["add_shown_session"] = False

    with pytest.raises(QuotaReached) as caught:
        await desk.sessions.create_key(ANN, APPLICATION, "fleet")

    assert (caught.value.kind, caught.value.limit) == ("session key", 20)


async def test_a_guest_takes_the_place_of_the_one_before(desk: Desk) -> None:
    desk.kept.answers["replace_shown_session"] = [b"digest of the former"]

    assert await desk.sessions.create_guest(ANN, APPLICATION) == (ANN.session, "token")
    assert desk.identity.forgotten == [b"digest of the former"]


async def test_a_token_sealed_for_another_session_is_not_shown(desk: Desk) -> None:
    sealed = KeyRing([b"k" * 32]).seal(b"token", b"session:" + new_id(NOW))
    desk.kept.answers["shown_sessions_of"] = [StoredSession(ANN.session, sealed)]

    with pytest.raises(Unavailable):
        await desk.sessions.keys_of(ANN)


def test_a_guest_may_register_nothing() -> None:
    for scope in (Scope.REGISTRATIONS_READ, Scope.REGISTRATIONS_WRITE):
        with pytest.raises(NotPermitted):
            access.require(session(kind=SessionKind.GUEST), scope, APPLICATION)
        access.require(session(kind=SessionKind.KEY), scope, APPLICATION)

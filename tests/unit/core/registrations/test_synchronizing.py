"""Several registrations written together: exact holders, sessions that stay in charge."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.core import registry
from tests.unit.core.registry import NOW, apply, member, shared
from tests.unit.core.stubs import APPLICATION, RecordingStore, client, session

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, InvalidToken, NotPermitted
from heliograph.core.ids import new_id
from heliograph.core.model.registration import (
    DepartureReason,
    Draft,
    ProviderName,
    Slot,
    TokenKind,
)
from heliograph.core.registrations.claims import RegistryState
from heliograph.core.registrations.registrations import Registrations

if TYPE_CHECKING:
    from tests.conftest import FakeClock

    from heliograph.core.model.registration import Registration

SESSION, OTHER_SESSION = new_id(NOW), new_id(NOW)
EXPIRY = NOW + timedelta(hours=1)


def of(user: str, kind: TokenKind = TokenKind.ALERT, **fields: Any) -> Draft:
    """A user's registration of a token that several hold."""
    slot = Slot(by_user=True, by_token=True, kind=kind)
    return shared("T", "", slot=slot, kind=kind, owner=member(user), **fields)


def held(state: RegistryState) -> set[tuple[str | None, TokenKind]]:
    return {(row.external_user_id, row.kind) for row in state.changes().added}


def test_whoever_is_not_kept_loses_the_token() -> None:
    loaded = RegistryState([])
    rows = [apply(loaded, of(user)) for user in ("ann", "bob", "eve")]
    state = RegistryState(rows)

    state.let_others_go([apply(state, of("bob")), apply(state, of("zoe"))])

    assert {row.id for row, _ in state.changes().removed} == {rows[0].id, rows[2].id}
    assert {reason for _, reason in state.changes().removed} == {DepartureReason.DISPLACED}
    assert held(state) == {("zoe", TokenKind.ALERT)}


def test_who_keeps_a_token_alone_shares_it_no_more() -> None:
    state = RegistryState([])
    for user in ("ann", "bob"):
        apply(state, of(user))

    state.let_others_go([apply(state, of("bob"))])

    (left,) = state.changes().added
    assert (left.external_user_id, left.shared) == ("bob", False)


def test_a_token_of_another_kind_is_left_alone() -> None:
    state = RegistryState([])
    for user in ("ann", "bob"):
        apply(state, of(user))
        apply(state, of(user, TokenKind.VOIP))

    state.let_others_go([apply(state, of("bob"))])

    assert held(state) == {
        ("bob", TokenKind.ALERT),
        ("ann", TokenKind.VOIP),
        ("bob", TokenKind.VOIP),
    }


def registered_again(**fields: Any) -> Registration:
    """What becomes of a registration of a session by a draft that keeps sessions."""
    state = RegistryState([])
    apply(state, of("bob", session_id=SESSION, silent_after=EXPIRY))
    return apply(state, of("bob", **{"keeps_session": True} | fields))


@pytest.mark.parametrize("given", [{}, {"session_id": OTHER_SESSION, "silent_after": NOW}])
def test_a_session_stays_in_charge_where_the_draft_says_so(given: dict[str, Any]) -> None:
    row = registered_again(at_s=3599, **given)

    assert (row.session_id, row.silent_after) == (SESSION, EXPIRY)


def test_a_session_that_is_over_is_in_charge_no_more() -> None:
    row = registered_again(at_s=3600)

    assert (row.session_id, row.silent_after) == (None, None)


def test_a_session_gives_way_where_nothing_is_said() -> None:
    row = registered_again(at_s=1, keeps_session=False)

    assert (row.session_id, row.silent_after) == (None, None)


def test_what_no_session_made_gets_the_drafts() -> None:
    state = RegistryState([])
    apply(state, of("bob"))

    row = apply(state, of("bob", session_id=SESSION, silent_after=EXPIRY, keeps_session=True))

    assert (row.session_id, row.silent_after) == (SESSION, EXPIRY)


def test_what_is_new_gets_the_drafts() -> None:
    row = apply(RegistryState([]), of("bob", session_id=SESSION, keeps_session=True))

    assert row.session_id == SESSION


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


@pytest.fixture
def registrations(store: RecordingStore, clock: FakeClock) -> Registrations:
    return Registrations(store, clock)


@pytest.mark.anyio
async def test_several_drafts_are_handed_over_whole(
    registrations: Registrations, store: RecordingStore
) -> None:
    store.answers["synchronize"] = []
    drafts = [registry.draft("one"), registry.draft("two")]

    await registrations.register_all(client(), APPLICATION, drafts)

    assert store.asked("synchronize") == [(drafts,)]
    assert store.asked("register") == []


@pytest.mark.anyio
async def test_one_draft_joins_the_group_commit_and_none_costs_nothing(
    registrations: Registrations, store: RecordingStore
) -> None:
    draft = registry.draft()

    await registrations.register_all(client(), APPLICATION, [draft])
    await registrations.register_all(client(), APPLICATION, [])

    assert store.asked("register") == [(draft,)]
    assert store.asked("synchronize") == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"token": ""}, InvalidToken),
        ({"provider": ProviderName.WEBPUSH}, InvalidRequest),
        ({"owner": None}, NotPermitted),
    ],
)
async def test_one_draft_that_is_refused_stops_all(
    registrations: Registrations,
    store: RecordingStore,
    wrong: dict[str, Any],
    error: type[Exception],
) -> None:
    ann = session("ann")
    own = {"owner": access.member_of(ann)}
    drafts = [registry.draft(**own), registry.draft(**own | wrong)]

    with pytest.raises(error):
        await registrations.register_all(ann, APPLICATION, drafts)

    assert store.asked("synchronize") == []

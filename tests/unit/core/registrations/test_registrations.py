from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.core import registry
from tests.unit.core.stubs import APPLICATION, RecordingStore, client, session

from heliograph.core import access
from heliograph.core.errors import (
    Conflict,
    InvalidRequest,
    InvalidToken,
    NotFound,
    NotPermitted,
    ProblemKind,
)
from heliograph.core.ids import new_id
from heliograph.core.model.identity import Scope
from heliograph.core.model.listing import Part, RegistrationFilter
from heliograph.core.model.registration import Changes, ProviderName, Slot, UserKey
from heliograph.core.registrations.claims import RegistryState
from heliograph.core.registrations.registrations import Registrations, check_token

if TYPE_CHECKING:
    from tests.conftest import FakeClock

    from heliograph.core.model.identity import SessionPrincipal
    from heliograph.core.model.registration import Registration

pytestmark = pytest.mark.anyio

NOBODY = new_id(registry.NOW)
ALL = RegistrationFilter()


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


@pytest.fixture
def registrations(store: RecordingStore, clock: FakeClock) -> Registrations:
    return Registrations(store, clock)


def row_of(principal: SessionPrincipal | None = None) -> Registration:
    owner = access.member_of(principal) if principal else None
    return registry.apply(RegistryState([]), registry.draft(owner=owner))


async def test_a_draft_is_handed_to_the_store(
    registrations: Registrations, store: RecordingStore
) -> None:
    store.answers["register"] = row = row_of()
    draft = registry.draft(owner=UserKey(APPLICATION.account_id, "ann"))

    answer = await registrations.register(client(), APPLICATION, draft)

    assert answer is row
    assert store.asked("register") == [(draft,)]


async def test_a_session_registers_for_its_own_user(
    registrations: Registrations, store: RecordingStore
) -> None:
    ann = session("ann")

    await registrations.register(ann, APPLICATION, registry.draft(owner=access.member_of(ann)))

    assert len(store.asked("register")) == 1


async def test_a_session_registers_and_unregisters_for_nobody_else(
    registrations: Registrations, store: RecordingStore
) -> None:
    ann, bob = session("ann"), session("bob")
    draft = registry.draft(owner=access.member_of(bob))

    with pytest.raises(NotPermitted):
        await registrations.register(ann, APPLICATION, draft)
    with pytest.raises(NotPermitted):
        await registrations.unregister(ann, APPLICATION, draft.slot, draft.owner)

    assert store.calls == []


async def test_a_client_without_the_right_writes_nothing(
    registrations: Registrations, store: RecordingStore
) -> None:
    reader = client(scopes=frozenset({Scope.REGISTRATIONS_READ}))

    with pytest.raises(NotPermitted):
        await registrations.register(reader, APPLICATION, registry.draft())
    with pytest.raises(NotPermitted):
        await registrations.unregister(reader, APPLICATION, Slot(device_id="phone"), None)
    with pytest.raises(NotPermitted):
        await registrations.change(reader, APPLICATION, NOBODY, Changes())
    with pytest.raises(NotPermitted):
        await registrations.remove(reader, APPLICATION, NOBODY)

    assert store.calls == []


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("", ProblemKind.TOO_SHORT),
        ("x" * 4097, ProblemKind.TOO_LONG),
        ("a\nb", ProblemKind.MALFORMED),
        ("\ud800", ProblemKind.MALFORMED),
    ],
)
async def test_a_token_that_cannot_be_is_refused_in_every_way_in(
    registrations: Registrations, store: RecordingStore, token: str, kind: ProblemKind
) -> None:
    with pytest.raises(InvalidToken) as caught:
        await registrations.register(client(), APPLICATION, registry.draft(token))
    with pytest.raises(InvalidToken):
        await registrations.change(client(), APPLICATION, NOBODY, Changes(token=token))

    assert [problem.kind for problem in caught.value.problems] == [kind]
    assert store.calls == []


def test_the_longest_token_is_taken() -> None:
    check_token("x" * 4096)


@pytest.mark.parametrize(
    ("attributes", "missing"),
    [
        ({}, ["attributes.p256dh", "attributes.auth"]),
        ({"p256dh": "key"}, ["attributes.auth"]),
        ({"p256dh": "", "auth": "secret"}, ["attributes.p256dh"]),
    ],
)
async def test_a_browser_without_its_keys_is_refused(
    registrations: Registrations, attributes: dict[str, str], missing: list[str]
) -> None:
    draft = registry.draft(provider=ProviderName.WEBPUSH, attributes=attributes)

    with pytest.raises(InvalidRequest) as caught:
        await registrations.register(client(), APPLICATION, draft)

    assert [problem.field for problem in caught.value.problems] == missing


async def test_a_browser_with_its_keys_is_taken(
    registrations: Registrations, store: RecordingStore
) -> None:
    keys = {"p256dh": "key", "auth": "secret"}

    await registrations.register(
        client(), APPLICATION, registry.draft(provider=ProviderName.WEBPUSH, attributes=keys)
    )

    assert len(store.asked("register")) == 1


async def test_a_slot_is_emptied_for_its_owner(
    registrations: Registrations, store: RecordingStore
) -> None:
    ann = session("ann")
    store.answers["unregister"] = row = row_of(ann)
    slot, owner = Slot(by_user=True, device_id="phone"), access.member_of(ann)

    assert await registrations.unregister(ann, APPLICATION, slot, owner) is row
    assert store.asked("unregister") == [(APPLICATION.id, slot, owner)]


async def test_a_session_reads_its_own_and_no_other(
    registrations: Registrations, store: RecordingStore
) -> None:
    ann, bob = session("ann"), session("bob")
    store.answers["get"] = row = row_of(ann)

    assert await registrations.get(ann, APPLICATION, row.id) is row
    with pytest.raises(NotFound):
        await registrations.get(bob, APPLICATION, row.id)


async def test_a_session_changes_and_removes_its_own_and_no_other(
    registrations: Registrations, store: RecordingStore
) -> None:
    ann, bob = session("ann"), session("bob")
    store.answers = {"get": (row := row_of(ann)), "change": row, "remove": row}

    with pytest.raises(NotFound):
        await registrations.change(bob, APPLICATION, row.id, Changes())
    with pytest.raises(NotFound):
        await registrations.remove(bob, APPLICATION, row.id)
    assert store.asked("change") == store.asked("remove") == []

    assert await registrations.change(ann, APPLICATION, row.id, Changes(token="U")) is row
    await registrations.remove(ann, APPLICATION, row.id)
    assert store.asked("change") == [(APPLICATION.id, row.id, Changes(token="U"))]
    assert store.asked("remove") == [(APPLICATION.id, row.id)]


async def test_what_is_not_there_is_not_found(registrations: Registrations) -> None:
    for attempt in (
        registrations.get(client(), APPLICATION, NOBODY),
        registrations.change(client(), APPLICATION, NOBODY, Changes()),
        registrations.remove(client(), APPLICATION, NOBODY),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_what_leaves_between_reading_and_writing_is_not_found(
    registrations: Registrations, store: RecordingStore
) -> None:
    store.answers["get"] = row = row_of()

    with pytest.raises(NotFound):
        await registrations.change(client(), APPLICATION, row.id, Changes())
    with pytest.raises(NotFound):
        await registrations.remove(client(), APPLICATION, row.id)


async def test_a_list_says_where_its_next_part_begins(
    registrations: Registrations, store: RecordingStore
) -> None:
    store.answers["find"] = rows = [row_of() for _ in range(3)]

    first = await registrations.find(client(), APPLICATION, ALL, after=None, limit=2)
    whole = await registrations.find(client(), APPLICATION, ALL, after=None, limit=3)

    assert (first.items, first.next_after) == (rows[:2], rows[1].id)
    assert (whole.items, whole.next_after) == (rows, None)


async def test_a_session_lists_its_own_users_registrations_only(
    registrations: Registrations, store: RecordingStore
) -> None:
    ann = session("ann")
    store.answers["find"] = []

    await registrations.find(
        ann, APPLICATION, RegistrationFilter(external_user_id="ann"), after=None, limit=2
    )
    others = await registrations.find(
        ann, APPLICATION, RegistrationFilter(external_user_id="bob"), after=None, limit=2
    )

    assert store.asked("find") == [
        (APPLICATION.id, RegistrationFilter(user_id=ann.session.user_id))
    ]
    assert (others.items, others.next_after) == ((), None)


async def test_a_device_that_is_known_is_not_new(
    registrations: Registrations, store: RecordingStore
) -> None:
    store.answers["page"] = Part([], has_more=False, total=0)
    await registrations.require_new_device(client(), APPLICATION, "D")

    store.answers["page"] = Part([row_of()], has_more=False, total=1)
    with pytest.raises(Conflict) as caught:
        await registrations.require_new_device(client(), APPLICATION, "D")

    assert (caught.value.kind, caught.value.id) == ("device", "D")
    reader = client(scopes=frozenset({Scope.REGISTRATIONS_READ}))
    with pytest.raises(NotPermitted):
        await registrations.require_new_device(reader, APPLICATION, "D")

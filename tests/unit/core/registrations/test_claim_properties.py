"""What holds for any batch of commands over any registry."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.registry import APPLICATION, NOW, apply, draft, living, member, slot_of

from heliograph.core.errors import Conflict
from heliograph.core.model.registration import (
    Changes,
    Claim,
    DepartureReason,
    Draft,
    IfExists,
    RegistrationState,
    Slot,
)
from heliograph.core.registrations.claims import RegistryState

if TYPE_CHECKING:
    from heliograph.core.ids import Id
    from heliograph.core.model.registration import Registration

tokens = st.sampled_from("ABC")
members = st.sampled_from([None, member("ann"), member("bob")])
slots = st.one_of(
    st.sampled_from("12345").map(lambda device: Slot(device_id=device)),
    st.just(Slot(by_user=True, by_token=True)),
)
drafts = st.builds(
    draft,
    token=tokens,
    slot=slots,
    at_s=st.integers(0, 300),
    claim=st.sampled_from(Claim),
    if_exists=st.sampled_from([*IfExists, IfExists.REPLACE]),
    owner=members,
    member_limit=st.sampled_from([None, 1, 2]),
)


@dataclass(frozen=True)
class Leave:
    """Empty the slot of a draft."""

    draft: Draft


@dataclass(frozen=True)
class OneOf:
    """Change or remove one of the living, whichever this number falls on."""

    number: int
    changes: Changes | None


changes = st.builds(
    Changes,
    token=st.none() | tokens,
    attributes=st.sampled_from([None, {"locale": "de"}]),
    state=st.sampled_from([None, *RegistrationState]),
)
commands = st.lists(
    st.one_of(
        drafts,
        drafts,
        st.builds(Leave, drafts),
        st.builds(OneOf, st.integers(0, 20), st.none() | changes),
    ),
    max_size=15,
)
Command = Draft | Leave | OneOf


def run(loaded: list[Registration], batch: list[Command]) -> dict[Id, Registration]:
    """Apply a batch to a registry that is loaded whole; answer what lives after it."""
    state = RegistryState(loaded)
    for command in batch:
        if isinstance(command, Draft):
            try:
                row = apply(state, command)
            except Conflict:
                continue
            assert row.token == command.token
            assert row.slot == slot_of(command)
        elif isinstance(command, Leave):
            state.unregister(APPLICATION, slot_of(command.draft), None)
        else:
            rows = sorted(living(state, loaded).values(), key=lambda row: row.slot)
            if not rows:
                continue
            one = rows[command.number % len(rows)].id
            if command.changes is None:
                state.remove(one, DepartureReason.UNREGISTERED)
            else:
                state.change(one, command.changes, at=NOW)
    return living(state, loaded)


@given(commands, commands)
def test_an_exclusive_holder_never_coexists_with_anybody(
    first: list[Command], second: list[Command]
) -> None:
    rows = run(list(run([], first).values()), second).values()

    holders = Counter(row.token_hash for row in rows)
    assert [r for r in rows if r.claim is Claim.EXCLUSIVE and holders[r.token_hash] > 1] == []


@given(commands, commands)
def test_a_slot_holds_at_most_one_registration(first: list[Command], second: list[Command]) -> None:
    rows = run(list(run([], first).values()), second).values()

    assert max(Counter(row.slot for row in rows).values(), default=0) <= 1


@given(commands, commands)
def test_a_token_with_two_holders_is_marked_on_all_of_them(
    first: list[Command], second: list[Command]
) -> None:
    rows = run(list(run([], first).values()), second).values()

    holders = Counter(row.token_hash for row in rows)
    assert [row for row in rows if holders[row.token_hash] > 1 and not row.shared] == []


@given(commands, drafts)
def test_the_last_writer_wins(batch: list[Command], last: Draft) -> None:
    rows = run([], batch)

    try:
        row = apply(RegistryState(rows.values()), last)
    except Conflict:
        assert last.if_exists is IfExists.REFUSE
        return

    after = run(list(rows.values()), [last])
    assert any(each.slot == row.slot and each.token == last.token for each in after.values())


@given(commands, commands)
def test_two_batches_come_to_the_same_as_one(first: list[Command], second: list[Command]) -> None:
    # Without limits: of two rows refreshed at once, either may be the older.
    first, second = [list(map(_unlimited, batch)) for batch in (first, second)]

    in_two = run(list(run([], first).values()), second)
    in_one = run([], [*first, *second])

    assert sorted(map(_facts, in_one.values())) == sorted(map(_facts, in_two.values()))


@given(commands)
def test_a_member_never_holds_more_than_the_last_limit_allows(batch: list[Command]) -> None:
    rows = run([], batch)
    last = draft("T", "one more", owner=member("ann"), member_limit=2, at_s=1000)

    after = run(list(rows.values()), [last])

    mine = [row for row in after.values() if row.member_id == member("ann").member_id]
    assert len(mine) <= 2
    assert any(row.token == "T" for row in mine)


def _unlimited(command: Command) -> Command:
    return command._replace(member_limit=None) if isinstance(command, Draft) else command


def _facts(row: Registration) -> tuple[object, ...]:
    return row.slot, row.token, row.claim.value, row.state.value, row.refreshed

"""Claims that concern several registrations: synchronised holders, full members, hand-overs."""

from __future__ import annotations

import pytest
from tests.unit.core.registry import NOW, apply, draft, member, shared

from heliograph.core.errors import InvalidRequest, ProblemKind
from heliograph.core.model.registration import Changes, DepartureReason, IfFull, OwnerChange
from heliograph.core.registrations.claims import RegistryState

ANN, BOB = member("ann"), member("bob")


def test_synchronised_holders_are_the_only_ones() -> None:
    old = apply(RegistryState([]), shared("T", "carol"))
    state = RegistryState([old])
    kept = [apply(state, shared("T", name)) for name in ("ann", "bob")]

    state.let_others_go(kept)

    changes = state.changes()
    assert [row.slot for row in changes.added] == [row.slot for row in kept]
    assert all(row.shared for row in changes.added)
    assert changes.removed == [(old, DepartureReason.DISPLACED)]


def test_a_single_synchronised_holder_shares_with_nobody() -> None:
    others = [apply(RegistryState([]), shared("T", name)) for name in ("ann", "bob")]
    state = RegistryState(others)
    kept = apply(state, shared("T", "carol"))

    state.let_others_go([kept])

    [row] = state.changes().added
    assert not row.shared
    assert len(state.changes().removed) == 2


def test_a_full_member_is_refused_one_more() -> None:
    state = RegistryState([])
    fields = {"owner": ANN, "member_limit": 2, "if_full": IfFull.REFUSE}
    for name in ("one", "two"):
        apply(state, draft(name, name, **fields))

    with pytest.raises(InvalidRequest) as refusal:
        apply(state, draft("three", "three", **fields))

    [problem] = refusal.value.problems
    assert (problem.path, problem.kind) == (("token",), ProblemKind.TOO_MANY)
    assert len(state.changes().added) == 2


def test_a_full_member_may_register_again_what_they_hold() -> None:
    state = RegistryState([])
    fields = {"owner": ANN, "member_limit": 1, "if_full": IfFull.REFUSE}
    apply(state, draft("one", "one", **fields))

    apply(state, draft("one", "one", at_s=99, **fields))
    moved = apply(state, draft("one", "elsewhere", at_s=100, **fields))

    assert state.changes().added == [moved]


def test_what_others_registered_does_not_make_a_member_full() -> None:
    state = RegistryState([])
    fields = {"owner": ANN, "member_limit": 1, "if_full": IfFull.REFUSE}
    apply(state, draft("one", "one", owner=ANN, origin="other"))

    apply(state, draft("two", "two", **fields))

    assert len(state.changes().added) == 2


def test_a_member_loses_what_one_dialect_registered() -> None:
    mine = apply(RegistryState([]), draft("one", "one", owner=ANN))
    other = apply(RegistryState([]), draft("two", "two", owner=ANN, origin="other"))
    bobs = apply(RegistryState([]), draft("three", "three", owner=BOB))
    state = RegistryState([mine, other, bobs])

    assert state.remove_of_member(ANN.member_id, "test") == 1
    assert state.changes().removed == [(mine, DepartureReason.UNREGISTERED)]


def test_a_registration_changes_hands_and_keeps_its_place() -> None:
    row = apply(RegistryState([]), draft(owner=ANN))
    state = RegistryState([row])

    bobs = state.change(row.id, Changes(owner=OwnerChange(BOB)), at=NOW, owner=BOB)
    nobodys = state.change(row.id, Changes(owner=OwnerChange(None)), at=NOW, owner=None)

    assert bobs is not None
    assert (bobs.member_id, bobs.external_user_id, bobs.slot) == (BOB.member_id, "bob", row.slot)
    assert nobodys is not None
    assert (nobodys.member_id, nobodys.user_id, nobodys.external_user_id) == (None, None, None)
    assert state.remove_of_member(BOB.member_id, "test") == 0


def test_only_new_registrations_are_subscribed() -> None:
    known = apply(RegistryState([]), draft("one", "one", labels=("all",)))
    state = RegistryState([known])
    apply(state, draft("one", "one", at_s=99, labels=("all",)))
    new = apply(state, draft("two", "two", labels=("all", "news")))
    gone = apply(state, draft("three", "three", labels=("all",)))
    state.remove(gone.id, DepartureReason.UNREGISTERED)

    assert state.new_subscribers() == {
        (new.application_id, "all"): [new.id],
        (new.application_id, "news"): [new.id],
    }

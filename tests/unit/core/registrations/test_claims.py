from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.core.registry import APPLICATION, NOW, apply, draft, member, shared, slot_of

from heliograph.core.errors import Conflict
from heliograph.core.ids import Id, new_id, spell
from heliograph.core.model.registration import (
    Changes,
    Claim,
    DepartureReason,
    Draft,
    Environment,
    IfExists,
    ProviderName,
    Registration,
    RegistrationState,
    token_hash,
)
from heliograph.core.registrations.claims import REFRESH_EVERY, RegistryState

LONG_AFTER = REFRESH_EVERY.total_seconds() + 1


@pytest.fixture
def state() -> RegistryState:
    return RegistryState([])


def holders(state: RegistryState) -> set[str | None]:
    """The devices of all that was added and still lives."""
    return {row.device_id for row in state.changes().added}


def holding(token: str, device: str, **fields: object) -> Draft:
    return draft(token, device, device_id=device, **fields)


EXCLUSIVE, SHARED = Claim.EXCLUSIVE, Claim.SHARED


@pytest.mark.parametrize(
    ("first", "second", "living"),
    [
        (EXCLUSIVE, EXCLUSIVE, {"second"}),
        (EXCLUSIVE, SHARED, {"second"}),
        (SHARED, EXCLUSIVE, {"second"}),
        (SHARED, SHARED, {"first", "second"}),
    ],
)
def test_two_slots_meet_over_one_token(
    state: RegistryState, first: Claim, second: Claim, living: set[str]
) -> None:
    apply(state, holding("T", "first", claim=first))

    last = apply(state, holding("T", "second", claim=second))

    assert holders(state) == living
    assert last.shared == (len(living) == 2)


@pytest.mark.parametrize("first", Claim)
@pytest.mark.parametrize("second", Claim)
def test_a_slot_that_registers_again_never_meets_itself(
    state: RegistryState, first: Claim, second: Claim
) -> None:
    before = apply(state, holding("T", "phone", claim=first))

    after = apply(state, holding("T", "phone", claim=second))

    assert (after.id, after.claim, after.shared) == (before.id, second, False)
    assert holders(state) == {"phone"}


def test_an_exclusive_claim_removes_every_shared_holder_but_its_own(state: RegistryState) -> None:
    for device in ("one", "two", "three"):
        apply(state, holding("T", device, claim=SHARED))

    taken = apply(state, holding("T", "two"))

    assert holders(state) == {"two"}
    assert not taken.shared


def test_the_same_token_of_another_provider_or_application_is_left_alone(
    state: RegistryState,
) -> None:
    apply(state, holding("T", "one"))
    apply(state, holding("T", "two", provider=ProviderName.APNS))
    apply(state, holding("T", "three", application_id=Id(b"b" * 16)))

    assert holders(state) == {"one", "two", "three"}


def test_a_displaced_row_departs_with_its_reason() -> None:
    loaded = apply(RegistryState([]), draft("T", "one"))
    state = RegistryState([loaded])

    apply(state, draft("T", "two"))

    assert state.changes().removed == [(loaded, DepartureReason.DISPLACED)]


def test_a_row_that_is_loaded_twice_counts_once() -> None:
    row = apply(RegistryState([]), draft())
    state = RegistryState([row, row])

    assert state.changes().added == []
    assert state.remove(row.id, DepartureReason.UNREGISTERED) == row


def test_a_new_token_moves_into_the_slot_under_the_same_id() -> None:
    before = apply(RegistryState([]), draft("old", environment=Environment.SANDBOX))
    state = RegistryState([before])

    after = apply(state, draft("new", at_s=5))

    changes = state.changes()
    assert (after.id, after.created, after.token) == (before.id, before.created, "new")
    assert after.refreshed == NOW + timedelta(seconds=5)
    assert after.environment is None
    assert changes.changed == [after]
    assert changes.moved_tokens == [(before, after)]
    assert changes.added == changes.touched == changes.removed == []


def test_two_slots_swap_their_tokens() -> None:
    one = apply(RegistryState([]), draft("A", "one"))
    two = apply(RegistryState([]), draft("B", "two"))
    state = RegistryState([one, two])

    apply(state, draft("B", "one", at_s=1))
    apply(state, draft("A", "two", at_s=1))

    tokens = {row.slot: row.token for row in (*state.changes().changed, *state.changes().added)}
    assert tokens == {one.slot: "B", two.slot: "A"}


def test_what_was_learned_about_a_token_is_kept_with_it() -> None:
    known = apply(RegistryState([]), draft("T", environment=Environment.SANDBOX))
    state = RegistryState([known])

    again = apply(state, draft("T", at_s=LONG_AFTER))

    assert again.environment is Environment.SANDBOX


def test_an_environment_that_is_named_wins() -> None:
    known = apply(RegistryState([]), draft("T", environment=Environment.SANDBOX))
    state = RegistryState([known])

    again = apply(state, draft("T", environment=Environment.PRODUCTION))

    assert again.environment is Environment.PRODUCTION


def test_a_disabled_registration_stays_disabled() -> None:
    row = apply(RegistryState([]), draft("T"))
    state = RegistryState([row])
    state.change(row.id, Changes(state=RegistrationState.DISABLED), at=NOW)

    again = apply(state, draft("U"))

    assert again.state is RegistrationState.DISABLED


def test_an_identical_registration_changes_nothing_at_first() -> None:
    row = apply(RegistryState([]), draft())
    state = RegistryState([row])

    again = apply(state, draft(at_s=REFRESH_EVERY.total_seconds()))

    changes = state.changes()
    assert again is row
    assert changes.added == changes.changed == changes.touched == changes.removed == []


def test_an_identical_registration_touches_a_row_that_is_older() -> None:
    row = apply(RegistryState([]), draft())
    state = RegistryState([row])

    again = apply(state, draft(at_s=LONG_AFTER))

    changes = state.changes()
    assert again.refreshed == NOW + timedelta(seconds=LONG_AFTER)
    assert changes.touched == [again]
    assert changes.changed == changes.moved_tokens == []


def test_an_occupied_slot_may_be_refused(state: RegistryState) -> None:
    first = apply(state, draft("T"))

    with pytest.raises(Conflict) as caught:
        apply(state, draft("U", if_exists=IfExists.REFUSE))

    assert caught.value.id == spell("registration", first.id)
    assert [row.token for row in state.changes().added] == ["T"]


def test_an_empty_slot_is_taken_even_by_one_who_would_refuse(state: RegistryState) -> None:
    row = apply(state, draft(if_exists=IfExists.REFUSE))

    assert state.changes().added == [row]


def test_a_slot_is_emptied(state: RegistryState) -> None:
    row = apply(state, draft())

    left = state.unregister(APPLICATION, slot_of(draft()), None)

    assert left == row
    assert state.unregister(APPLICATION, slot_of(draft()), None) is None
    assert holders(state) == set()


def test_a_slot_is_emptied_only_of_the_token_that_is_named() -> None:
    row = apply(RegistryState([]), draft("T"))
    state = RegistryState([row])

    kept = state.unregister(APPLICATION, row.slot, token_hash("fcm", "U"))
    left = state.unregister(APPLICATION, row.slot, token_hash("fcm", "T"))

    assert (kept, left) == (None, row)
    assert state.changes().removed == [(row, DepartureReason.UNREGISTERED)]


def test_nothing_can_be_removed_or_changed_twice(state: RegistryState) -> None:
    row = apply(state, draft())

    assert state.remove(row.id, DepartureReason.TOKEN_GONE) == row
    assert state.remove(row.id, DepartureReason.TOKEN_GONE) is None
    assert state.change(row.id, Changes(token="U"), at=NOW) is None


def test_a_member_past_the_limit_loses_the_one_refreshed_longest_ago(state: RegistryState) -> None:
    limits = {"owner": member("ann"), "member_limit": 3}
    rows = [apply(state, draft(f"T{n}", f"d{n}", at_s=n, **limits)) for n in range(3)]
    apply(state, draft("T0", "d0", at_s=LONG_AFTER, **limits))

    apply(state, draft("T3", "d3", at_s=LONG_AFTER, **limits))

    assert {row.token for row in state.changes().added} == {"T0", "T2", "T3"}
    assert state.remove(rows[1].id, DepartureReason.EVICTED) is None


def test_the_newest_is_never_the_one_to_leave(state: RegistryState) -> None:
    limits = {"owner": member("ann"), "member_limit": 1}
    apply(state, draft("T0", "d0", at_s=100, **limits))

    newest = apply(state, draft("T1", "d1", at_s=0, **limits))

    assert state.changes().added == [newest]


def test_an_evicted_row_departs_with_its_reason() -> None:
    limits = {"owner": member("ann"), "member_limit": 1}
    row = apply(RegistryState([]), draft("T0", "d0", **limits))
    state = RegistryState([row])

    apply(state, draft("T1", "d1", at_s=1, **limits))

    assert state.changes().removed == [(row, DepartureReason.EVICTED)]


def test_a_limit_counts_one_member_and_one_origin_only(state: RegistryState) -> None:
    ann, bob = member("ann"), member("bob")
    apply(state, draft("T0", "d0", owner=ann, origin="other"))
    apply(state, draft("T1", "d1", owner=bob, member_limit=1))
    apply(state, draft("T2", "d2"))

    apply(state, draft("T3", "d3", owner=ann, member_limit=1))

    assert len(state.changes().added) == 4


def test_a_limit_without_an_owner_limits_nobody(state: RegistryState) -> None:
    apply(state, draft("T0", "d0", member_limit=1))
    apply(state, draft("T1", "d1", member_limit=1))

    assert len(state.changes().added) == 2


def test_a_change_that_changes_nothing_writes_nothing() -> None:
    row = apply(RegistryState([]), draft("T"))
    state = RegistryState([row])

    later = NOW + timedelta(seconds=9)
    same = state.change(row.id, Changes(token="T", state=RegistrationState.ACTIVE), at=later)

    assert same is row
    assert state.changes().changed == []


def test_every_part_of_a_registration_can_be_changed() -> None:
    row = apply(RegistryState([]), draft("T"))
    state = RegistryState([row])

    changed = state.change(
        row.id,
        Changes("U", Environment.SANDBOX, {"locale": "de"}, RegistrationState.DISABLED),
        at=NOW + timedelta(seconds=9),
    )

    assert changed is not None
    assert (changed.token, changed.token_hash) == ("U", token_hash("fcm", "U"))
    assert changed.refreshed == NOW + timedelta(seconds=9)
    assert changed.environment is Environment.SANDBOX
    assert changed.attributes == {"locale": "de"}
    assert changed.state is RegistrationState.DISABLED
    assert state.changes().moved_tokens == [(row, changed)]


def test_a_change_to_a_token_that_another_holds_claims_it() -> None:
    one = apply(RegistryState([]), draft("A", "one"))
    two = apply(RegistryState([]), draft("B", "two"))
    state = RegistryState([one, two])

    state.change(one.id, Changes(token="B"), at=NOW)

    assert state.changes().removed == [(two, DepartureReason.DISPLACED)]


def test_a_change_to_a_token_that_is_shared_shares_it() -> None:
    one = apply(RegistryState([]), shared("A", "one"))
    two = apply(RegistryState([]), shared("B", "two"))
    state = RegistryState([one, two])

    changed = state.change(one.id, Changes(token="B"), at=NOW)

    assert changed is not None
    assert changed.shared
    assert {row.id for row in state.changes().changed if row.shared} == {one.id, two.id}


def three_that_share() -> list[Registration]:
    state = RegistryState([])
    for device in ("one", "two", "three"):
        apply(state, shared("T", device, device_id=device))
    return sorted(state.changes().added, key=lambda row: row.device_id or "")


@pytest.mark.parametrize("how", ["remove", "change", "register"])
def test_holders_that_are_not_all_loaded_stay_shared_when_one_leaves(how: str) -> None:
    one, _, two = three_that_share()
    state = RegistryState([one, two])  # and not "three", which holds the token too

    if how == "remove":
        state.remove(one.id, DepartureReason.UNREGISTERED)
    elif how == "change":
        state.change(one.id, Changes(token="U"), at=NOW)
    else:
        apply(state, shared("U", "one", device_id="one"))
    state.change(two.id, Changes(attributes={"locale": "de"}), at=NOW)

    (changed,) = [row for row in state.changes().changed if row.id == two.id]
    assert changed.shared


def test_the_bucket_of_a_registration_is_that_of_its_slot(state: RegistryState) -> None:
    row = apply(state, draft())

    assert row.bucket == row.slot[-1] == row.id[-1]


def test_a_registration_lives_in_its_own_application_only(state: RegistryState) -> None:
    row = apply(state, draft())

    assert state.is_living(APPLICATION, row.id)
    assert not state.is_living(Id(b"b" * 16), row.id)
    state.remove(row.id, DepartureReason.UNREGISTERED)
    assert not state.is_living(APPLICATION, row.id)


def test_ids_that_were_never_registered_are_unknown(state: RegistryState) -> None:
    assert state.remove(new_id(NOW), DepartureReason.UNREGISTERED) is None

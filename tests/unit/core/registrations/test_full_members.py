from __future__ import annotations

import pytest
from tests.unit.core.registry import apply, draft, member

from heliograph.core.errors import InvalidRequest, ProblemKind
from heliograph.core.model.registration import Draft, IfFull, Slot
from heliograph.core.registrations.claims import RegistryState

ANN, BOB = member("ann"), member("bob")


def one_of_two(token: str, **fields: object) -> Draft:
    """One of a user's tokens, of which two are allowed."""
    given = {
        "owner": ANN,
        "slot": Slot(by_user=True, by_token=True),
        "member_limit": 2,
        "if_full": IfFull.REFUSE,
    }
    return draft(token, **given | fields)


@pytest.fixture
def full() -> RegistryState:
    """A registry in which ann holds two tokens."""
    state = RegistryState([])
    apply(state, one_of_two("A"))
    apply(state, one_of_two("B"))
    return state


def held(state: RegistryState) -> set[str]:
    return {row.token for row in state.changes().added}


def test_one_too_many_is_refused_and_nothing_leaves(full: RegistryState) -> None:
    with pytest.raises(InvalidRequest) as caught:
        apply(full, one_of_two("C"))

    (problem,) = caught.value.problems
    assert (problem.path, problem.kind) == (("token",), ProblemKind.TOO_MANY)
    assert held(full) == {"A", "B"}


def test_what_is_held_already_is_not_one_more(full: RegistryState) -> None:
    apply(full, one_of_two("B", at_s=120))

    assert held(full) == {"A", "B"}


def test_a_device_that_changes_its_token_is_not_one_more() -> None:
    state = RegistryState([])
    for device in ("one", "two"):
        apply(state, one_of_two(device, slot=Slot(by_user=True, device_id=device)))

    apply(state, one_of_two("another", slot=Slot(by_user=True, device_id="two")))

    assert held(state) == {"one", "another"}


def test_nobodys_tokens_are_not_counted() -> None:
    state = RegistryState([])

    for token in "ABC":
        apply(state, one_of_two(token, owner=None))

    assert held(state) == {"A", "B", "C"}


def test_another_users_tokens_do_not_count(full: RegistryState) -> None:
    apply(full, one_of_two("B", owner=BOB))

    assert apply(full, one_of_two("C")).token == "C"


def test_a_slot_that_another_dialect_filled_is_one_more(full: RegistryState) -> None:
    apply(full, one_of_two("C", origin="other"))

    with pytest.raises(InvalidRequest):
        apply(full, one_of_two("C"))

    assert held(full) == {"A", "B", "C"}

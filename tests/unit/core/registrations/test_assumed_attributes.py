"""What a draft assumes of a token gives way to what is known, and to what it says."""

from __future__ import annotations

import pytest
from tests.unit.core.registry import apply, draft, shared

from heliograph.core.registrations.claims import RegistryState


@pytest.fixture
def state() -> RegistryState:
    return RegistryState([])


def test_an_unknown_token_has_what_is_assumed_of_it(state: RegistryState) -> None:
    row = apply(state, draft("T", assumed={"key": "assumed"}, attributes={"locale": "de"}))

    assert row.attributes == {"key": "assumed", "locale": "de"}


def test_a_known_token_keeps_what_is_known_of_it_and_hands_on_nothing_else(
    state: RegistryState,
) -> None:
    apply(state, shared("T", "one", attributes={"key": "known", "locale": "de"}))

    row = apply(state, shared("T", "two", assumed={"key": "assumed"}))

    assert row.attributes == {"key": "known"}


def test_a_known_token_of_which_nothing_fitting_is_known_has_what_is_assumed(
    state: RegistryState,
) -> None:
    apply(state, shared("T", "one", attributes={"locale": "de"}))

    row = apply(state, shared("T", "two", assumed={"key": "assumed"}))

    assert row.attributes == {"key": "assumed"}


def test_another_tokens_attributes_are_not_taken(state: RegistryState) -> None:
    apply(state, draft("U", "one", attributes={"key": "known"}))

    assert apply(state, draft("T", "two", assumed={"key": "assumed"})).attributes == {
        "key": "assumed"
    }


def test_what_a_draft_says_counts_most(state: RegistryState) -> None:
    apply(state, shared("T", "one", attributes={"key": "known"}))

    row = apply(state, shared("T", "two", assumed={"key": "assumed"}, attributes={"key": "said"}))

    assert row.attributes == {"key": "said"}

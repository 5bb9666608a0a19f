from __future__ import annotations

import pytest

from heliograph.core.model.registration import token_hash
from heliograph.core.registrations.tokens import has_control_characters


@pytest.mark.parametrize("letter", ["\0", "\n", "\x1f", "\x7f", "\x9f", "\u2028", "\ud800"])
def test_control_characters_and_surrogates_are_seen(letter: str) -> None:
    assert has_control_characters(f"a{letter}b")


@pytest.mark.parametrize("text", ["", "abc", "a b", "ünï", "😀", "\u00a0"])
def test_everything_else_may_stand_in_a_token(text: str) -> None:
    assert not has_control_characters(text)


def test_the_same_token_of_two_providers_is_two() -> None:
    assert token_hash("apns", "T") != token_hash("fcm", "T")
    assert len(token_hash("apns", "T")) == 16

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from heliograph.core.ids import new_id
from heliograph.core.model.outcome import ACCEPTED, Misconfigured, Outcome, Rejected, TokenGone
from heliograph.delivery.guards import SUSPICIOUS_SENDS, WINDOW_SENDS, AmbiguityGuard

KEY, OTHER_KEY = (new_id(datetime(2026, 1, 1, tzinfo=UTC)) for _ in range(2))
GONE = TokenGone("UNREGISTERED")
DOUBTFUL = TokenGone("BadDeviceToken", is_ambiguous=True)
DOUBTED = Misconfigured("BadDeviceToken for too many tokens at once")


@pytest.fixture
def guard() -> AmbiguityGuard:
    return AmbiguityGuard()


def page(doubtful: int, size: int = 1000) -> list[Outcome]:
    return [DOUBTFUL] * doubtful + [ACCEPTED] * (size - doubtful)


@pytest.mark.parametrize(
    ("doubtful", "size", "is_believed"),
    [
        (1, 1, True),
        (49, 49, True),
        (50, 50, False),
        (50, 1000, True),
        (51, 1000, False),
        (49, 100, True),
    ],
)
def test_many_doubtful_answers_at_once_are_not_believed(
    guard: AmbiguityGuard, doubtful: int, size: int, is_believed: bool
) -> None:
    believed = guard.check(KEY, page(doubtful, size))

    expected = DOUBTFUL if is_believed else DOUBTED
    assert believed == [expected] * doubtful + [ACCEPTED] * (size - doubtful)


def test_only_what_is_doubtful_is_doubted(guard: AmbiguityGuard) -> None:
    answers = [GONE, Rejected("no"), *page(100)]

    believed = guard.check(KEY, answers)

    assert believed == [GONE, Rejected("no"), *[DOUBTED] * 100, *[ACCEPTED] * 900]


def test_clear_deaths_are_believed_however_many(guard: AmbiguityGuard) -> None:
    assert guard.check(KEY, [GONE] * 1000) == [GONE] * 1000


def test_doubt_gathers_over_single_sends(guard: AmbiguityGuard) -> None:
    for _ in range(SUSPICIOUS_SENDS - 1):
        assert guard.check(KEY, [DOUBTFUL]) == [DOUBTFUL]

    assert guard.check(KEY, [DOUBTFUL]) == [DOUBTED]


def test_one_credential_throws_no_doubt_on_another(guard: AmbiguityGuard) -> None:
    guard.check(KEY, page(1000))

    assert guard.check(OTHER_KEY, [DOUBTFUL]) == [DOUBTFUL]


def test_doubt_is_forgotten_after_enough_good_sends(guard: AmbiguityGuard) -> None:
    guard.check(KEY, page(500))
    guard.check(KEY, page(0, WINDOW_SENDS - 1))
    assert guard.check(KEY, [DOUBTFUL]) == [DOUBTFUL]

    assert guard.check(KEY, page(0, 1)) == page(0, 1)


def test_within_the_window_doubt_is_remembered(guard: AmbiguityGuard) -> None:
    guard.check(KEY, page(500))

    assert guard.check(KEY, page(1, WINDOW_SENDS - 1))[0] == DOUBTED

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.unit.delivery.scripted import target

from heliograph.core.ids import new_id
from heliograph.core.model.outcome import (
    ACCEPTED,
    Deferred,
    Misconfigured,
    Outcome,
    Rejected,
    TokenGone,
)
from heliograph.core.model.registration import ProviderName
from heliograph.delivery.guards import (
    MOST_CREDENTIALS,
    OUTAGE_WINDOW_S,
    SUSPICIOUS_SENDS,
    WINDOW_SENDS,
    AmbiguityGuard,
    OutageGuard,
)

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


PHONES = [target(str(number)) for number in range(100)]
DOWN = Deferred("no connection in time")


@pytest.fixture
def outage() -> OutageGuard:
    return OutageGuard()


@pytest.mark.parametrize(
    ("put_off", "accepted", "is_out"),
    [(19, 0, False), (20, 0, True), (20, 20, True), (20, 21, False), (50, 51, False)],
)
def test_an_outage_is_when_most_is_put_off(
    outage: OutageGuard, put_off: int, accepted: int, is_out: bool
) -> None:
    answers = [DOWN] * put_off + [ACCEPTED] * accepted
    phones = (PHONES * 2)[: len(answers)]

    reason = outage.check(KEY, phones, answers, now_s=0)

    assert reason == (DOWN.reason if is_out else None)


def test_one_phone_that_is_throttled_is_no_outage(outage: OutageGuard) -> None:
    answers = [outage.check(KEY, PHONES[:1], [DOWN], now_s=float(second)) for second in range(100)]

    assert set(answers) == {None}


def test_single_sends_make_an_outage_together(outage: OutageGuard) -> None:
    answers = [outage.check(KEY, [phone], [DOWN], now_s=0) for phone in PHONES[:20]]

    assert answers == [None] * 19 + [DOWN.reason]


def test_what_was_put_off_long_ago_says_nothing(outage: OutageGuard) -> None:
    outage.check(KEY, PHONES[:19], [DOWN] * 19, now_s=0)

    assert outage.check(KEY, PHONES[:1], [DOWN], now_s=OUTAGE_WINDOW_S + 1) is None


BROWSERS = [target(str(number), provider=ProviderName.WEBPUSH) for number in range(100)]


@pytest.mark.parametrize(("put_off", "is_out"), [(50, False), (94, False), (95, True), (100, True)])
def test_one_push_service_that_is_down_is_no_outage_of_them_all(
    outage: OutageGuard, put_off: int, is_out: bool
) -> None:
    answers = [DOWN] * put_off + [ACCEPTED] * (100 - put_off)

    reason = outage.check(KEY, BROWSERS, answers, now_s=0)

    assert reason == (DOWN.reason if is_out else None)


def test_a_good_page_never_opens_anything(outage: OutageGuard) -> None:
    outage.check(KEY, PHONES, [DOWN] * 100, now_s=0)

    assert outage.check(KEY, PHONES[:1], [ACCEPTED], now_s=0) is None


def test_the_least_recently_used_credential_is_forgotten(guard: AmbiguityGuard) -> None:
    guard.check(KEY, page(1000))
    for _ in range(MOST_CREDENTIALS):
        guard.check(new_id(datetime(2026, 1, 1, tzinfo=UTC)), [ACCEPTED])

    assert guard.check(KEY, [DOUBTFUL]) == [DOUBTFUL]


def test_what_is_told_to_be_forgotten_is(guard: AmbiguityGuard, outage: OutageGuard) -> None:
    guard.check(KEY, page(1000))
    outage.check(KEY, PHONES, [DOWN] * 100, now_s=0)

    guard.forget(KEY)
    outage.forget(KEY)

    assert guard.check(KEY, [DOUBTFUL]) == [DOUBTFUL]
    assert outage.check(KEY, PHONES[:1], [DOWN], now_s=0) is None

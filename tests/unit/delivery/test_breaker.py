from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.delivery.scripted import APPLICATION, NOW, credential

from heliograph.core.model.breaker import Breaker, BreakerCause, BreakerKey
from heliograph.core.model.outcome import (
    ACCEPTED,
    Deferred,
    FaultScope,
    Misconfigured,
    Outcome,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.delivery.breaker import (
    FIRST_PAUSE,
    LONGEST_ASKED,
    LONGEST_PAUSE,
    Passage,
    closed,
    credential_fault,
    is_answered_well,
    longest_asked,
    opened,
    passage,
)

KEY = BreakerKey(APPLICATION.id, ProviderName.FCM, Environment.PRODUCTION)
MINE, OTHER = credential().id, credential().id
BAD_KEY = Misconfigured("bad key")
OF_ONE = Misconfigured("bad bundle id", FaultScope.TARGET)
DOUBTFUL = TokenGone("BadDeviceToken", is_ambiguous=True)
CREDENTIAL, AMBIGUITY, OUTAGE = (
    BreakerCause.CREDENTIAL,
    BreakerCause.AMBIGUITY,
    BreakerCause.OUTAGE,
)


def first(cause: BreakerCause = CREDENTIAL, asked: timedelta = timedelta(0)) -> Breaker:
    return opened(None, KEY, cause, "why", credential_id=MINE, asked=asked, now=NOW)


def test_what_never_opened_lets_everything_pass() -> None:
    assert passage(None, MINE, NOW) is Passage.FREE


def test_an_open_breaker_holds_until_its_probe_is_due() -> None:
    breaker = first()

    assert passage(breaker, MINE, breaker.probe_at - timedelta(seconds=1)) is Passage.HELD
    assert passage(breaker, MINE, breaker.probe_at) is Passage.PROBE


def test_a_new_credential_is_not_held_by_the_old_ones_breaker() -> None:
    assert passage(first(), OTHER, NOW) is Passage.FREE


def test_a_closed_breaker_lets_everything_pass_and_keeps_its_reason() -> None:
    breaker = closed(first(), NOW)

    assert passage(breaker, MINE, NOW) is Passage.FREE
    assert (breaker.reason, breaker.version) == ("why", 2)


@given(st.sampled_from(BreakerCause), st.integers(0, 40))
def test_pauses_grow_to_a_bound(cause: BreakerCause, failures: int) -> None:
    breaker = first(cause)
    pauses = [breaker.probe_at - breaker.changed_at]
    for _ in range(failures):
        breaker = opened(breaker, KEY, cause, "why", credential_id=MINE, now=breaker.probe_at)
        pauses.append(breaker.probe_at - breaker.changed_at)

    assert pauses == sorted(pauses)
    assert pauses[0] == FIRST_PAUSE[cause]
    assert pauses[-1] <= LONGEST_PAUSE[cause]
    assert (breaker.probes, breaker.version, breaker.opened_at) == (failures, failures + 1, NOW)


def test_a_breaker_that_opens_anew_begins_its_pauses_anew() -> None:
    tried = opened(first(), KEY, CREDENTIAL, "why", credential_id=MINE, now=NOW)

    again = opened(closed(tried, NOW), KEY, OUTAGE, "down", credential_id=MINE, now=NOW)
    other = opened(tried, KEY, CREDENTIAL, "why", credential_id=OTHER, now=NOW)

    assert (again.probes, other.probes) == (0, 0)
    assert again.version == tried.version + 2


def test_the_providers_delay_beats_a_shorter_pause_up_to_a_bound() -> None:
    assert first(OUTAGE, timedelta(minutes=15)).probe_at == NOW + timedelta(minutes=15)
    assert first(OUTAGE, timedelta(seconds=1)).probe_at == NOW + FIRST_PAUSE[OUTAGE]
    assert first(OUTAGE, timedelta(days=9)).probe_at == NOW + LONGEST_ASKED


@pytest.mark.parametrize(
    ("outcomes", "fault"),
    [
        ([], None),
        ([ACCEPTED] * 3, None),
        ([BAD_KEY], "bad key"),
        ([RefreshCredential("stale")], "stale"),
        ([OF_ONE] * 5, None),
        ([BAD_KEY, ACCEPTED], None),
        ([BAD_KEY, BAD_KEY, ACCEPTED], "bad key"),
        ([Rejected("no"), Deferred("busy"), DOUBTFUL], None),
    ],
)
def test_most_of_a_page_must_blame_the_credential(
    outcomes: list[Outcome], fault: str | None
) -> None:
    assert credential_fault(outcomes) == fault


@pytest.mark.parametrize(
    ("cause", "outcomes", "is_well"),
    [
        (CREDENTIAL, [ACCEPTED] * 10, True),
        (CREDENTIAL, [BAD_KEY] * 10, False),
        (CREDENTIAL, [DOUBTFUL, Rejected("no"), OF_ONE], True),
        (CREDENTIAL, [Deferred("busy")] * 10, False),
        (AMBIGUITY, [DOUBTFUL] * 10, False),
        (AMBIGUITY, [DOUBTFUL] * 5 + [ACCEPTED] * 5, False),
        (AMBIGUITY, [DOUBTFUL] * 4 + [ACCEPTED] * 6, True),
        (OUTAGE, [Deferred("down")], False),
        (OUTAGE, [Deferred("one"), ACCEPTED, ACCEPTED], True),
        (OUTAGE, [TokenGone("dead")], True),
    ],
)
def test_a_probe_is_answered_well_when_most_of_it_shows_no_trouble(
    cause: BreakerCause, outcomes: list[Outcome], is_well: bool
) -> None:
    assert is_answered_well(cause, outcomes, ProviderName.FCM) == is_well


@pytest.mark.parametrize(
    ("cause", "down", "is_well"), [(OUTAGE, 9, True), (OUTAGE, 10, False), (CREDENTIAL, 9, False)]
)
def test_of_several_push_services_one_that_is_well_is_enough(
    cause: BreakerCause, down: int, is_well: bool
) -> None:
    outcomes = [Deferred("down")] * down + [ACCEPTED] * (10 - down)

    assert is_answered_well(cause, outcomes, ProviderName.WEBPUSH) == is_well


def test_the_longest_delay_that_was_asked_for_counts() -> None:
    asked = [
        ACCEPTED,
        Deferred("a", timedelta(seconds=3)),
        Deferred("b"),
        Deferred("c", timedelta(9)),
    ]

    assert longest_asked(asked) == timedelta(9)
    assert longest_asked([ACCEPTED]) == timedelta(0)


def test_versions_tell_which_of_two_readings_holds() -> None:
    assert replace(first(), version=7).version > first().version

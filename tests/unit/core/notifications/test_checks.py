from datetime import UTC, datetime, timedelta, timezone

import pytest

from heliograph.core.errors import ProblemKind
from heliograph.core.model.audience import Address, Addresses, AddressForm, Everyone
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.registration import ProviderName
from heliograph.core.notifications.checks import (
    LATE,
    MAX_AHEAD,
    MAX_PER_SECOND,
    audience_problems,
    problems_of,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HELLO = Content(body="hello")


def found(**options):
    problems = problems_of(Everyone(), HELLO, Options(**options), now=NOW)
    return {problem.field: problem.kind for problem in problems}


@pytest.mark.parametrize(
    "send_at",
    [
        NOW,
        NOW - LATE,
        NOW + MAX_AHEAD,
        NOW.astimezone(timezone(timedelta(hours=-11))),
        None,
    ],
)
def test_a_time_to_send_at_is_about_now_or_within_a_year(send_at):
    assert found(send_at=send_at) == {}


@pytest.mark.parametrize(
    ("send_at", "kind"),
    [
        (NOW - LATE - timedelta(milliseconds=1), ProblemKind.TOO_SMALL),
        (NOW + MAX_AHEAD + timedelta(milliseconds=1), ProblemKind.TOO_LARGE),
        (NOW.replace(tzinfo=None), ProblemKind.MALFORMED),
    ],
)
def test_a_time_that_cant_be_is_named(send_at, kind):
    assert found(send_at=send_at) == {"options.send_at": kind}


@pytest.mark.parametrize("pace", [1, MAX_PER_SECOND])
def test_a_pace_is_between_one_and_a_million(pace):
    assert found(max_per_second=pace) == {}


@pytest.mark.parametrize("pace", [0, -1, MAX_PER_SECOND + 1])
def test_a_pace_beyond_that_is_named(pace):
    assert found(max_per_second=pace) == {"options.max_per_second": ProblemKind.NOT_ALLOWED}


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("", ProblemKind.TOO_LONG),
        ("x" * 257, ProblemKind.TOO_LONG),
        ("a\nb", ProblemKind.MALFORMED),
        ("\ud800", ProblemKind.MALFORMED),
    ],
)
def test_a_category_that_nobody_can_read_is_named(category, kind):
    assert found(category=category) == {"options.category": kind}


def test_a_collapse_key_of_a_lone_surrogate_is_named():
    assert found(collapse_key="\ud800") == {"options.collapse_key": ProblemKind.MALFORMED}


def test_everything_wrong_is_named_at_once():
    assert set(found(max_per_second=0, category="", send_at=NOW.replace(year=2020))) == {
        "options.max_per_second",
        "options.category",
        "options.send_at",
    }


def test_overrides_are_content_unless_they_say_nothing():
    def kinds(overrides):
        content = Content(overrides=overrides)
        return [each.field for each in problems_of(Everyone(), content, Options(), now=NOW)]

    assert kinds({ProviderName.APNS: {"aps": {}}}) == []
    assert kinds({ProviderName.APNS: {}}) == ["content"]


@pytest.mark.parametrize(
    ("form", "owner"),
    [
        (AddressForm.TOPIC, ProviderName.FCM),
        (AddressForm.CONDITION, ProviderName.FCM),
        (AddressForm.CHANNEL, ProviderName.APNS),
    ],
)
@pytest.mark.parametrize("provider", ProviderName)
def test_a_providers_groups_are_its_own(provider, form, owner):
    problems = audience_problems(Addresses((Address(provider, "x", form),)))

    wanted = [] if provider is owner else [("audience.addresses.0.form", ProblemKind.NOT_ALLOWED)]
    assert [(each.field, each.kind) for each in problems] == wanted


@pytest.mark.parametrize("provider", ProviderName)
def test_every_provider_has_tokens(provider):
    assert audience_problems(Addresses((Address(provider, "x"),))) == []

from datetime import UTC, datetime, timedelta

import pytest

from heliograph.core.ids import new_id, spell
from heliograph.core.model.outcome import (
    Accepted,
    Deferred,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.core.model.registration import ProviderName
from heliograph.core.registrations.topic_subscriptions import Members, TopicChange
from heliograph.dialects.native.mapping.fcm_topics import from_outcomes, to_change
from heliograph.dialects.native.schemas.fcm_topics import TopicMembers

ID = new_id(datetime(2026, 3, 1, tzinfo=UTC))
SPELLED = spell("registration", ID)


@pytest.mark.parametrize("is_joining", [True, False])
def test_a_body_says_who_joins_or_leaves(is_joining):
    body = TopicMembers(registrations=(SPELLED,), tokens=("a", "b"))

    change = to_change(body, "news", is_joining=is_joining)

    members = Members((ID,), ("a", "b"))
    assert change == TopicChange(ProviderName.FCM, "news", members, is_joining)


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        (Accepted("projects/p/x"), ("accepted", None, None)),
        (TokenGone("NOT_FOUND"), ("gone", "NOT_FOUND", None)),
        (Rejected("TOO_MANY_TOPICS"), ("rejected", "TOO_MANY_TOPICS", None)),
        (Deferred("INTERNAL"), ("deferred", "INTERNAL", None)),
        (Deferred("busy", timedelta(seconds=1.2)), ("deferred", "busy", 2)),
        (RefreshCredential("stale"), ("misconfigured", "stale", None)),
        (Misconfigured("PERMISSION_DENIED"), ("misconfigured", "PERMISSION_DENIED", None)),
    ],
)
def test_each_outcome_has_its_state(outcome, shown):
    report = from_outcomes(TopicMembers(tokens=("t",)), [outcome])

    (item,) = report.items
    assert (item.state, item.reason, item.retry_after_s) == shown
    assert (report.accepted, report.failed) == ((1, 0) if shown[0] == "accepted" else (0, 1))


def test_members_keep_their_names_and_their_order():
    body = TopicMembers(registrations=(SPELLED,), tokens=("t",))

    report = from_outcomes(body, [Rejected("r"), Accepted()])

    named = [(item.registration_id, item.token) for item in report.items]
    assert named == [(SPELLED, None), (None, "t")]
    assert (report.accepted, report.failed) == (1, 1)

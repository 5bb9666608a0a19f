"""Members of FCM's topics <-> the core's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, assert_never

from heliograph.core.ids import parse
from heliograph.core.model.outcome import (
    Accepted,
    Deferred,
    Misconfigured,
    Outcome,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.core.model.registration import ProviderName
from heliograph.core.registrations.topic_subscriptions import Members, TopicChange
from heliograph.dialects.native.schemas import fcm_topics as schemas

if TYPE_CHECKING:
    from collections.abc import Sequence


def to_change(body: schemas.TopicMembers, topic: str, *, is_joining: bool) -> TopicChange:
    """Read who joins or leaves a topic."""
    ids = tuple(parse("registration", text) for text in body.registrations)
    return TopicChange(ProviderName.FCM, topic, Members(ids, body.tokens), is_joining)


def from_outcomes(body: schemas.TopicMembers, outcomes: Sequence[Outcome]) -> schemas.TopicReport:
    """Show what became of each member that a request named."""
    named = [(text, None) for text in body.registrations] + [(None, t) for t in body.tokens]
    items = tuple(
        schemas.TopicMember(registration_id=registration, token=token, **_result(outcome))
        for (registration, token), outcome in zip(named, outcomes, strict=True)
    )
    accepted = sum(item.state == "accepted" for item in items)
    return schemas.TopicReport(items=items, accepted=accepted, failed=len(items) - accepted)


def _result(outcome: Outcome) -> dict[str, Any]:
    retry_after_s = None
    match outcome:
        case Accepted():
            state, reason = "accepted", None
        case TokenGone(reason):
            state = "gone"
        case Rejected(reason):
            state = "rejected"
        case Deferred(reason, retry_after):
            state = "deferred"
            if retry_after is not None:
                retry_after_s = math.ceil(retry_after.total_seconds())
        case RefreshCredential(reason) | Misconfigured(reason):
            state = "misconfigured"
        case _:
            assert_never(outcome)
    return {"state": state, "reason": reason, "retry_after_s": retry_after_s}

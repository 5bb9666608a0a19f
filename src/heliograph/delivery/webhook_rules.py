"""What one call of a webhook means for the event and for the endpoint; pure.

Source: Standard Webhooks 1.0.0, "Deliverability and reliability"; docs/webhooks.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from heliograph.core.model.webhook import Settled, Webhook, WebhookState

if TYPE_CHECKING:
    from heliograph.core.model.webhook import Attempt, Dispatch

# After the try of this number. The specification's example, cut where the day is over.
SCHEDULE: Final = tuple(
    timedelta(seconds=each) for each in (5, 300, 1800, 7200, 18_000, 28_800, 28_800)
)
JITTER: Final = 0.2
LONGEST_RETRY_AFTER: Final = timedelta(hours=6)

GIVE_UP_AFTER: Final = timedelta(hours=24)
"""An endpoint that took nothing for so long is disabled."""

_FIRST_PAUSE: Final = timedelta(seconds=1)
_LONGEST_PAUSE: Final = timedelta(minutes=5)
_MOST_DOUBLINGS: Final = 9

_GONE: Final = 410
# It asks for less: then its own `Retry-After` counts for the whole endpoint.
_OVERLOADED: Final = frozenset({429, 502, 503, 504})


def after_success(webhook: Webhook) -> Webhook:
    """Say how an endpoint stands that took an event."""
    return replace(webhook, failing_since=None, failures=0)


def after_failure(webhook: Webhook, attempt: Attempt) -> Webhook:
    """Say how an endpoint stands that did not take an event."""
    since = webhook.failing_since or attempt.at
    failing = replace(webhook, failing_since=since, failures=webhook.failures + 1)
    if attempt.status == _GONE:
        return _disabled(failing, "the endpoint answered 410 Gone")
    if attempt.at - since >= GIVE_UP_AFTER:
        last = attempt.detail or f"status {attempt.status}"
        return _disabled(failing, f"no call has succeeded for 24 hours; the last one: {last}")
    return failing


def asked_rest(attempt: Attempt, asked: timedelta | None) -> timedelta:
    """Say how long an endpoint is left alone because it asks for that; 0 where it doesn't.

    asked: its `Retry-After`. Whatever else it took meanwhile, it holds for all events.
    """
    if attempt.status in _OVERLOADED and asked is not None:
        return min(asked, LONGEST_RETRY_AFTER)
    return timedelta(0)


def pause(webhook: Webhook, attempt: Attempt, asked: timedelta | None, draw: float) -> timedelta:
    """Say how long a failing endpoint is left alone, whatever else it is owed.

    It doubles from a second to five minutes. asked: its `Retry-After`. draw: from 0 to 1.
    """
    if attempt.status in _OVERLOADED and asked is not None:
        return min(asked, LONGEST_RETRY_AFTER)
    doublings = min(max(webhook.failures - 1, 0), _MOST_DOUBLINGS)
    return jittered(min(_FIRST_PAUSE * 2**doublings, _LONGEST_PAUSE), draw)


def settled(dispatch: Dispatch, attempt: Attempt, asked: timedelta | None, draw: float) -> Settled:
    """Say what becomes of an event after a call: over, or due again.

    An event that was refused for 24 hours is given up; it can be replayed.
    """
    made = dispatch.attempts + 1
    if attempt.is_success or made > len(SCHEDULE):
        return Settled(attempt, dispatch.event.id, None, made)
    wait = jittered(SCHEDULE[made - 1], draw)
    wait = max(wait, asked_rest(attempt, asked))
    return Settled(attempt, dispatch.event.id, attempt.at + wait, made)


def jittered(wait: timedelta, draw: float) -> timedelta:
    """Prolong a wait by up to a fifth, so that what failed together is not tried together."""
    return wait * (1 + JITTER * draw)


def retry_after(text: str | None, *, now: datetime) -> timedelta | None:
    """Read a `Retry-After` header: seconds or a date; None for neither.

    Source: RFC 9110, section 10.2.3.
    """
    text = (text or "").strip()
    if text.isascii() and text.isdecimal():
        seconds = min(int(text[:9]), int(LONGEST_RETRY_AFTER.total_seconds()))
        return timedelta(seconds=seconds)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        # A year or an hour beyond the machine's integers is no date either.
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(at - now, timedelta(0))


def _disabled(webhook: Webhook, reason: str) -> Webhook:
    return replace(webhook, state=WebhookState.DISABLED, disabled_reason=reason)

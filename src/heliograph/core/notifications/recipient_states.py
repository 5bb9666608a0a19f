"""What became of a notification for one recipient, read off its deliveries. Pure.

One recipient is one notification to whoever asked, however many devices it
was for: sent if any of them took it, and failed if all refused.

Source: docs/decisions/0023-recipients.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.model.notification import NotificationState
from heliograph.core.model.recipient import NO_TRACES, RecipientState

if TYPE_CHECKING:
    from heliograph.core.model.recipient import Tally, Traces


def state_of(state: NotificationState, traces: Traces) -> RecipientState:
    """Say where a recipient stands, by the notification's state and its own traces."""
    if state is NotificationState.SCHEDULED:
        return RecipientState.SCHEDULED
    if traces.is_accepted:
        return RecipientState.SENT
    has_failed = traces.is_failed or traces.is_tried
    if state is NotificationState.CANCELED:
        was_left = traces.is_waiting or not traces.is_failed
        return RecipientState.CANCELED if was_left else RecipientState.FAILED
    if state is NotificationState.EXPIRED:
        # What is not recorded yet will be recorded as too late.
        is_over = has_failed or traces.is_waiting or not traces.is_seen
        return RecipientState.FAILED if is_over else RecipientState.UNADDRESSABLE
    if traces.is_waiting or (not traces.is_seen and state is not NotificationState.COMPLETED):
        return RecipientState.QUEUED
    return RecipientState.FAILED if has_failed else RecipientState.UNADDRESSABLE


def counts_of(state: NotificationState, total: int, tally: Tally) -> dict[RecipientState, int]:
    """Count a notification's recipients by state; the counts add up to `total`."""
    counts = dict.fromkeys(RecipientState, 0)
    seen = 0
    for traces, count in tally.traces.items():
        counts[state_of(state, traces)] += count
        seen += count
    counts[state_of(state, NO_TRACES)] += max(0, total - seen)
    return counts

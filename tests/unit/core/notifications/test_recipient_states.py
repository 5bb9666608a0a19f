from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.model.notification import NotificationState as Sent
from heliograph.core.model.recipient import NO_TRACES, RecipientState, Tally, Traces
from heliograph.core.notifications.recipient_states import counts_of, state_of

ACCEPTED = Traces(is_seen=True, is_accepted=True, is_tried=True)
MIXED = Traces(is_seen=True, is_accepted=True, is_failed=True, is_tried=True)
WAITING = Traces(is_seen=True, is_waiting=True, is_tried=True)
FAILED = Traces(is_seen=True, is_failed=True, is_tried=True)
TOO_LATE = Traces(is_seen=True, is_failed=True)
LEFT = Traces(is_seen=True)
VANISHED = Traces(is_seen=True, is_tried=True)

any_state = st.sampled_from(list(Sent))
any_traces = st.builds(Traces, *[st.booleans()] * 5)


@pytest.mark.parametrize(
    ("state", "traces", "expected"),
    [
        (Sent.SCHEDULED, NO_TRACES, "scheduled"),
        (Sent.RUNNING, NO_TRACES, "queued"),
        (Sent.PAUSED, NO_TRACES, "queued"),
        (Sent.RUNNING, WAITING, "queued"),
        (Sent.RUNNING, ACCEPTED, "sent"),
        (Sent.RUNNING, MIXED, "sent"),
        (Sent.RUNNING, FAILED, "failed"),
        (Sent.RUNNING, VANISHED, "failed"),
        (Sent.RUNNING, LEFT, "unaddressable"),
        (Sent.COMPLETED, ACCEPTED, "sent"),
        (Sent.COMPLETED, FAILED, "failed"),
        (Sent.COMPLETED, TOO_LATE, "failed"),
        (Sent.COMPLETED, VANISHED, "failed"),
        (Sent.COMPLETED, LEFT, "unaddressable"),
        (Sent.COMPLETED, NO_TRACES, "unaddressable"),
        (Sent.CANCELED, NO_TRACES, "canceled"),
        (Sent.CANCELED, LEFT, "canceled"),
        (Sent.CANCELED, WAITING, "canceled"),
        (Sent.CANCELED, ACCEPTED, "sent"),
        (Sent.CANCELED, FAILED, "failed"),
        (Sent.EXPIRED, NO_TRACES, "failed"),
        (Sent.EXPIRED, WAITING, "failed"),
        (Sent.EXPIRED, TOO_LATE, "failed"),
        (Sent.EXPIRED, ACCEPTED, "sent"),
        (Sent.EXPIRED, LEFT, "unaddressable"),
    ],
)
def test_a_recipient_stands_where_its_deliveries_say(
    state: Sent, traces: Traces, expected: str
) -> None:
    assert state_of(state, traces) == expected


@given(any_state, st.dictionaries(any_traces, st.integers(0, 50)), st.integers(0, 50))
def test_the_counts_add_up(state: Sent, traces: dict[Traces, int], unseen: int) -> None:
    total = sum(traces.values()) + unseen

    counts = counts_of(state, total, Tally(traces))

    assert sum(counts.values()) == total
    assert set(counts) == set(RecipientState)


@given(any_traces)
def test_nothing_is_queued_or_scheduled_once_it_is_over(traces: Traces) -> None:
    for state in (Sent.CANCELED, Sent.EXPIRED):
        assert state_of(state, traces) not in {RecipientState.QUEUED, RecipientState.SCHEDULED}

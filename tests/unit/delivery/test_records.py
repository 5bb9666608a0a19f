"""Which deliveries leave a row, by what a notification asks to be recorded."""

from __future__ import annotations

import pytest
from tests.unit.delivery.scripted import NOW, notification, shard, target
from tests.unit.delivery.test_consequences import LATER

from heliograph.core.model.delivery import DeliveryState, Page, ShardSource
from heliograph.core.model.notification import Options, Record
from heliograph.core.model.outcome import ACCEPTED, Accepted, Rejected
from heliograph.delivery.consequences import consequences_of

ACCEPTED_ROW, REJECTED_ROW = DeliveryState.ACCEPTED, DeliveryState.REJECTED


@pytest.mark.parametrize(
    ("record", "source", "states"),
    [
        (Record.ALL, ShardSource.QUERY, [ACCEPTED_ROW, ACCEPTED_ROW, REJECTED_ROW]),
        (Record.ALL, ShardSource.RETRY, [ACCEPTED_ROW, ACCEPTED_ROW, REJECTED_ROW]),
        (Record.FAILURES, ShardSource.QUERY, [REJECTED_ROW]),
        # A retry has a row that says it waits; it must not say so for ever.
        (Record.FAILURES, ShardSource.RETRY, [ACCEPTED_ROW, ACCEPTED_ROW, REJECTED_ROW]),
        (Record.COUNTERS, ShardSource.QUERY, []),
        (Record.COUNTERS, ShardSource.RETRY, []),
    ],
)
def test_a_row_is_kept_where_it_is_asked_for(
    record: Record, source: ShardSource, states: list[DeliveryState]
) -> None:
    commit = consequences_of(
        Page([target(), target(), target()], None),
        [ACCEPTED, Accepted("theirs"), Rejected("no")],
        shard=shard(source),
        notification=notification(options=Options(record=record)),
        began=NOW,
        now=LATER,
        max_attempts=12,
        jitter=lambda: 1.0,
    )

    assert [row.state for row in commit.deliveries] == states
    assert (commit.counters.accepted, commit.counters.rejected) == (2, 1)

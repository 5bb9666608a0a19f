"""When a telephone number that nothing reaches any more is taken for nobody's. Pure.

A network says of a single message that it could not be delivered for many
reasons, a phone that is off among them. Reports in a row, over a week, while
the same account reaches others: that is a number that has no phone.

Source: docs/providers/sms.md, "Receipts".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

MIN_REPORTS = 3
MIN_SPAN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Silence:
    """Reports in a row that a phone was not reached, from the first to the latest of them."""

    reports: int
    since: datetime
    latest: datetime


def prolonged(known: Silence | None, at: datetime, *, refreshed: datetime) -> Silence:
    """Add a report; one from before the app last said the number counts no more.

    refreshed: when the registration was last heard of from its app.
    """
    if known is None or known.since < refreshed:
        return Silence(1, at, at)
    return Silence(known.reports + 1, known.since, max(known.latest, at))


def is_nobodys(silence: Silence, *, heard_at: datetime | None) -> bool:
    """Say whether a number may be forgotten.

    heard_at: when the network last reached anybody for the application. If it
    reached nobody all the while, the trouble is the network's, or ours.
    """
    return (
        silence.reports >= MIN_REPORTS
        and silence.latest - silence.since >= MIN_SPAN
        and heard_at is not None
        and heard_at > silence.since
    )

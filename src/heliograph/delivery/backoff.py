"""When to try a deferred delivery again. Pure.

Source: docs/decisions/0005-backoff.md.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.model.outcome import Deferred

BASE = timedelta(seconds=1)
CAP = timedelta(minutes=15)
_MAX_DOUBLINGS = 20


def next_attempt_at(
    attempts: int,
    outcome: Deferred,
    *,
    now: datetime,
    expires_at: datetime,
    max_attempts: int | None,
    jitter: float,
) -> datetime | None:
    """Say when to try a deferred delivery again; None means give up.

    The provider's `retry_after` beats our schedule where it is longer:
    ignoring it prolongs the throttling for every delivery of the
    application. A wait that outlives the notification is no wait at all.

    attempts: provider calls so far, 1 or more. max_attempts: None means that
    only time ends the tries. jitter: 0 to 1, the part of
    our own schedule's step that is waited. Times: aware UTC.
    """
    if max_attempts is not None and attempts >= max_attempts:
        return None
    step = min(CAP, BASE * 2 ** min(attempts - 1, _MAX_DOUBLINGS))
    wait = max(step * jitter, outcome.retry_after or timedelta(0))
    # Compared before it is added: a wait may be longer than the calendar.
    return now + wait if wait < expires_at - now else None

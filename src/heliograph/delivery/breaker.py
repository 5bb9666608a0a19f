"""When a breaker opens, when it lets a few deliveries through to see, and when it closes. Pure.

Source: docs/decisions/0014-breaker.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING

from heliograph.core.model.breaker import Breaker, BreakerCause, BreakerState
from heliograph.core.model.outcome import (
    ACCEPTED,
    Deferred,
    FaultScope,
    Misconfigured,
    RefreshCredential,
    TokenGone,
)
from heliograph.core.model.registration import ProviderName

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.breaker import BreakerKey
    from heliograph.core.model.outcome import Outcome

FIRST_PAUSE = {
    BreakerCause.CREDENTIAL: timedelta(seconds=60),
    BreakerCause.AMBIGUITY: timedelta(seconds=60),
    BreakerCause.OUTAGE: timedelta(seconds=5),
}
LONGEST_PAUSE = {
    BreakerCause.CREDENTIAL: timedelta(minutes=15),
    BreakerCause.AMBIGUITY: timedelta(minutes=15),
    BreakerCause.OUTAGE: timedelta(minutes=5),
}
LONGEST_ASKED = timedelta(hours=1)
"""How long a provider's own word may put the next probe off."""

PROBE_TARGETS = 10
"""Deliveries that are let through to see."""

PROBE_PATIENCE = timedelta(seconds=5)
"""How long the others wait while a probe is under way."""

MOST_CREDENTIAL_FAULTS = 0.5
"""Share of a page's answers above which the credential is at fault, not the moment."""

OUTAGE_SHARE = 0.5
SEVERAL_SERVICES_SHARE = 0.95
"""Of a provider that is many services: while one of them is well, there is no outage."""

_SEVERAL_SERVICES = frozenset({ProviderName.WEBPUSH})
_MOST_DOUBLINGS = 10


class Passage(Enum):
    """What a breaker says to the deliveries of a page."""

    FREE = auto()
    PROBE = auto()
    HELD = auto()


def outage_share(provider: ProviderName) -> float:
    """Say which share of its recent sends a provider must put off to be out of order.

    Source: docs/decisions/0027-push-services.md.
    """
    return SEVERAL_SERVICES_SHARE if provider in _SEVERAL_SERVICES else OUTAGE_SHARE


def passage(breaker: Breaker | None, credential_id: Id, now: datetime) -> Passage:
    """Say whether deliveries may go by this credential now.

    A breaker that opened with another credential, or with none, is over: a
    change of the configuration is answered at once.
    """
    if breaker is None or not breaker.is_open or breaker.credential_id != credential_id:
        return Passage.FREE
    return Passage.PROBE if now >= breaker.probe_at else Passage.HELD


def opened(
    former: Breaker | None,
    key: BreakerKey,
    cause: BreakerCause,
    reason: str,
    *,
    credential_id: Id | None,
    asked: timedelta = timedelta(0),
    now: datetime,
) -> Breaker:
    """Open a breaker, or keep it open after a probe that failed.

    asked: the provider's own delay, which beats our pause where it is longer.
    """
    is_going_on = former is not None and former.is_open and former.credential_id == credential_id
    probes = former.probes + 1 if former is not None and is_going_on else 0
    pause = min(FIRST_PAUSE[cause] * 2 ** min(probes, _MOST_DOUBLINGS), LONGEST_PAUSE[cause])
    return Breaker(
        key=key,
        state=BreakerState.OPEN,
        cause=cause,
        reason=reason,
        credential_id=credential_id,
        opened_at=former.opened_at if former is not None and is_going_on else now,
        changed_at=now,
        probe_at=now + max(pause, min(asked, LONGEST_ASKED)),
        probes=probes,
        version=former.version + 1 if former is not None else 1,
    )


def closed(breaker: Breaker, now: datetime) -> Breaker:
    """Close a breaker; it keeps why it was open."""
    return replace(breaker, state=BreakerState.CLOSED, changed_at=now, version=breaker.version + 1)


def credential_fault(outcomes: Sequence[Outcome]) -> str | None:
    """Say what is wrong with a credential by which most of a page was refused."""
    faults = [
        outcome.reason if isinstance(outcome, RefreshCredential) else outcome.detail
        for outcome in outcomes
        if outcome is not ACCEPTED
        and (
            isinstance(outcome, RefreshCredential)
            or (isinstance(outcome, Misconfigured) and outcome.scope is FaultScope.CREDENTIAL)
        )
    ]
    return faults[0] if len(faults) > len(outcomes) * MOST_CREDENTIAL_FAULTS else None


def longest_asked(outcomes: Sequence[Outcome]) -> timedelta:
    """Say how long the provider asked us to wait, at most."""
    waits = (
        outcome.retry_after
        for outcome in outcomes
        if outcome is not ACCEPTED and isinstance(outcome, Deferred)
    )
    return max((wait for wait in waits if wait is not None), default=timedelta(0))


def is_answered_well(
    cause: BreakerCause, outcomes: Sequence[Outcome], provider: ProviderName
) -> bool:
    """Say whether a probe shows that the cause is gone: most of it was answered otherwise."""
    bad = sum(outcome is not ACCEPTED and _shows(cause, outcome) for outcome in outcomes)
    share = outage_share(provider) if cause is BreakerCause.OUTAGE else OUTAGE_SHARE
    return bad < len(outcomes) * share


def _shows(cause: BreakerCause, outcome: Outcome) -> bool:
    is_fault = isinstance(outcome, RefreshCredential) or (
        isinstance(outcome, Misconfigured) and outcome.scope is FaultScope.CREDENTIAL
    )
    is_doubtful = (
        cause is BreakerCause.AMBIGUITY and isinstance(outcome, TokenGone) and outcome.is_ambiguous
    )
    # Of an outage nothing else says anything; but a provider that is down
    # has not taken our key back either.
    return is_fault or is_doubtful or isinstance(outcome, Deferred)

"""The breakers as one worker knows them: what its own sends say, and what other nodes wrote.

The table is what all nodes share. It is read with every page and written with
every commit; what this process found out a moment ago counts until then.

Source: docs/decisions/0014-breaker.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from heliograph.core.ids import spell
from heliograph.core.model.breaker import Breaker, BreakerCause, BreakerKey
from heliograph.core.model.outcome import Misconfigured, TokenGone
from heliograph.delivery.breaker import (
    PROBE_PATIENCE,
    Passage,
    closed,
    credential_fault,
    is_answered_well,
    longest_asked,
    opened,
    passage,
)
from heliograph.delivery.guards import AmbiguityGuard, OutageGuard, are_all_accepted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.delivery import Target
    from heliograph.core.model.outcome import Outcome
    from heliograph.core.ports import Clock

_log = structlog.get_logger("heliograph.delivery")

MOST_BREAKERS = 4096
"""How many are remembered; what was forgotten is read again with the next page."""


class BreakerBook:
    """Says which deliveries may go, and learns from how they went."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[BreakerKey, Breaker] = {}
        self._probing: dict[BreakerKey, float] = {}
        self._ambiguity = AmbiguityGuard()
        self._outage = OutageGuard()

    def learn(self, stored: Sequence[Breaker]) -> None:
        """Take over what other nodes, or an operator, wrote meanwhile."""
        for breaker in stored:
            known = self._known.get(breaker.key)
            if known is None or breaker.version >= known.version:
                self._put(breaker)

    def is_held(self, key: BreakerKey) -> Breaker | None:
        """Answer the breaker if it is open."""
        known = self._known.get(key)
        return known if known is not None and known.is_open else None

    def ask(self, key: BreakerKey, credential_id: Id, now: datetime) -> Passage:
        """Say whether deliveries may go; PROBE is said once, until the probe's time is over."""
        answer = passage(self._known.get(key), credential_id, now)
        if answer is Passage.PROBE:
            monotonic_s = self._clock.monotonic()
            if self._probing.get(key, 0.0) > monotonic_s:
                return Passage.HELD
            self._probing[key] = monotonic_s + PROBE_PATIENCE.total_seconds()
        return answer

    def open_for_want(self, key: BreakerKey, reason: str, now: datetime) -> list[Breaker]:
        """Open for want of a credential that could be used; what is new of it, if anything."""
        former = self._known.get(key)
        is_known = former is not None and former.is_open and former.credential_id is None
        if former is not None and is_known and now < former.probe_at:
            return []
        return [
            self._open(
                opened(former, key, BreakerCause.CREDENTIAL, reason, credential_id=None, now=now)
            )
        ]

    def judge(
        self,
        key: BreakerKey,
        credential_id: Id,
        targets: Sequence[Target],
        outcomes: Sequence[Outcome],
        *,
        is_probe: bool,
        now: datetime,
    ) -> tuple[Sequence[Outcome], Breaker | None]:
        """Say which outcomes to believe, and the breaker if they changed it."""
        former = self._known.get(key)
        believed = self._ambiguity.check(credential_id, outcomes)
        if former is not None and former.is_open and former.credential_id == credential_id:
            if not is_probe:
                # Sent before it opened: nothing new.
                return believed, None
            self._probing.pop(key, None)
            if is_answered_well(former.cause, outcomes, key.provider):
                self._forget(credential_id)
                return believed, self._close(former, now)
            return believed, self._open(
                opened(
                    former,
                    key,
                    former.cause,
                    credential_fault(outcomes) or former.reason,
                    credential_id=credential_id,
                    asked=longest_asked(outcomes),
                    now=now,
                )
            )
        trouble = self._trouble(credential_id, targets, outcomes, believed)
        if trouble is not None:
            cause, reason = trouble
            self._forget(credential_id)
            return believed, self._open(
                opened(
                    former,
                    key,
                    cause,
                    reason,
                    credential_id=credential_id,
                    asked=longest_asked(outcomes),
                    now=now,
                )
            )
        if former is not None and former.is_open:
            # It was open for another credential, or for want of one.
            return believed, self._close(former, now)
        return believed, None

    def _trouble(
        self,
        credential_id: Id,
        targets: Sequence[Target],
        outcomes: Sequence[Outcome],
        believed: Sequence[Outcome],
    ) -> tuple[BreakerCause, str] | None:
        """Say what a page's answers show to be wrong, if anything."""
        now_s = self._clock.monotonic()
        outage = self._outage.check(credential_id, targets, outcomes, now_s=now_s)
        if are_all_accepted(outcomes):
            return None
        fault = credential_fault(outcomes)
        if fault is not None:
            return BreakerCause.CREDENTIAL, fault
        for outcome, said in zip(outcomes, believed, strict=True):
            if isinstance(outcome, TokenGone) and isinstance(said, Misconfigured):
                return BreakerCause.AMBIGUITY, said.detail
        return None if outage is None else (BreakerCause.OUTAGE, outage)

    def _forget(self, credential_id: Id) -> None:
        """Count from zero once it is open or closed: the probes decide, not the past."""
        self._ambiguity.forget(credential_id)
        self._outage.forget(credential_id)

    def _open(self, breaker: Breaker) -> Breaker:
        event = "breaker_still_open" if breaker.probes else "breaker_opened"
        _log.warning(
            event,
            **_names(breaker.key),
            cause=breaker.cause.value,
            reason=breaker.reason,
            probe_at=breaker.probe_at.isoformat(),
        )
        return self._put(breaker)

    def _close(self, breaker: Breaker, now: datetime) -> Breaker:
        _log.info("breaker_closed", **_names(breaker.key), cause=breaker.cause.value)
        return self._put(closed(breaker, now))

    def _put(self, breaker: Breaker) -> Breaker:
        self._known.pop(breaker.key, None)
        if len(self._known) >= MOST_BREAKERS:
            del self._known[next(iter(self._known))]
        self._known[breaker.key] = breaker
        return breaker


def _names(key: BreakerKey) -> dict[str, str]:
    return {
        "application": spell("application", key.application_id),
        "provider": key.provider.value,
        "environment": key.environment.value,
    }

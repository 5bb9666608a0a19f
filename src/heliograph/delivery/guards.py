"""Guards the registry against our own mistakes, and a provider in trouble against us.

`BadDeviceToken` and its like come from dead tokens, and also from a wrong
key, environment or project. One of them is believed; many at once are not.
Deliveries that a provider puts off are tried again one by one; when most are
put off, it is the provider's trouble and not theirs.

Source: docs/decisions/0006-consequences.md, docs/decisions/0014-breaker.md.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from heliograph.core.model.outcome import (
    ACCEPTED,
    Deferred,
    Misconfigured,
    Outcome,
    TokenGone,
)
from heliograph.delivery.breaker import OUTAGE_SHARE, outage_share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heliograph.core.ids import Id
    from heliograph.core.model.delivery import Target

T = TypeVar("T")

WINDOW_SENDS = 1000
SUSPICIOUS_SENDS = 50
SUSPICIOUS_SHARE = 0.05

OUTAGE_SENDS = 20
OUTAGE_TARGETS = 10
OUTAGE_WINDOW_S = 300.0

MOST_CREDENTIALS = 4096
"""How many credentials' recent sends are remembered; the least recently used leaves."""


class _Remembered(Generic[T]):
    """One thing per credential, for a bounded number of credentials."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._known: dict[Id, T] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, credential_id: Id) -> T:
        """Answer a credential's own, made at first sight."""
        found = self._known.pop(credential_id, None)
        if found is None:
            found = self._make()
            if len(self._known) >= MOST_CREDENTIALS:
                del self._known[next(iter(self._known))]
        self._known[credential_id] = found
        return found

    def forget(self, credential_id: Id) -> None:
        """Begin anew with a credential."""
        self._known.pop(credential_id, None)


class AmbiguityGuard:
    """Counts ambiguous answers among the recent sends of each provider credential."""

    def __init__(self) -> None:
        self._recent: _Remembered[deque[tuple[int, int]]] = _Remembered(deque)

    def check(self, credential_id: Id, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Answer the outcomes to believe: past the limit, ambiguous ones prune nothing."""
        recent = self._recent.of(credential_id)
        recent.append((len(outcomes), ambiguous_in(outcomes)))
        sends = sum(count for count, _ in recent)
        while sends - recent[0][0] >= WINDOW_SENDS:
            sends -= recent.popleft()[0]
        suspicious = sum(count for _, count in recent)
        if suspicious < SUSPICIOUS_SENDS or suspicious <= sends * SUSPICIOUS_SHARE:
            return list(outcomes)
        return [_doubted(outcome) for outcome in outcomes]

    def forget(self, credential_id: Id) -> None:
        """Begin anew with a credential."""
        self._recent.forget(credential_id)


class _Page(NamedTuple):
    """What the outage guard keeps of a page. targets: some of those that were put off."""

    at_s: float
    sends: int
    deferred: int
    targets: tuple[bytes, ...]


class OutageGuard:
    """Counts what each credential's provider put off among its recent sends."""

    def __init__(self) -> None:
        self._recent: _Remembered[deque[_Page]] = _Remembered(deque)

    def check(
        self,
        credential_id: Id,
        targets: Sequence[Target],
        outcomes: Sequence[Outcome],
        *,
        now_s: float,
    ) -> str | None:
        """Say why the provider is taken to be out of order; None while it is not.

        One phone that is throttled says nothing of the others: the deliveries
        that were put off must be for several. now_s: of a clock that never goes back.
        """
        put_off = (
            []
            if are_all_accepted(outcomes)
            else [
                (target.id, outcome.reason)
                for target, outcome in zip(targets, outcomes, strict=True)
                if outcome is not ACCEPTED and isinstance(outcome, Deferred)
            ]
        )
        recent = self._recent.of(credential_id)
        several = tuple([target_id for target_id, _ in put_off[:OUTAGE_TARGETS]])
        recent.append(_Page(now_s, len(outcomes), len(put_off), several))
        sends = sum(page.sends for page in recent)
        while len(recent) > 1 and (
            sends - recent[0].sends >= WINDOW_SENDS or recent[0].at_s < now_s - OUTAGE_WINDOW_S
        ):
            sends -= recent.popleft().sends
        deferred = sum(page.deferred for page in recent)
        share = outage_share(targets[0].provider) if targets else OUTAGE_SHARE
        if not put_off or deferred < OUTAGE_SENDS or deferred < sends * share:
            return None
        different = {target_id for page in recent for target_id in page.targets}
        return put_off[-1][1] if len(different) >= OUTAGE_TARGETS else None

    def forget(self, credential_id: Id) -> None:
        """Begin anew with a credential."""
        self._recent.forget(credential_id)


def are_all_accepted(outcomes: Sequence[Outcome]) -> bool:
    """Say whether a page came to nothing but the one value that most pushes come to."""
    return outcomes.count(ACCEPTED) == len(outcomes)


def ambiguous_in(outcomes: Sequence[Outcome]) -> int:
    """Count the answers that dead tokens and our own mistakes have in common."""
    if are_all_accepted(outcomes):
        return 0
    return sum(
        1
        for outcome in outcomes
        if outcome is not ACCEPTED and isinstance(outcome, TokenGone) and outcome.is_ambiguous
    )


def _doubted(outcome: Outcome) -> Outcome:
    if isinstance(outcome, TokenGone) and outcome.is_ambiguous:
        return Misconfigured(f"{outcome.reason} for too many tokens at once")
    return outcome

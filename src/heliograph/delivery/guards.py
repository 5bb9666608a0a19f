"""Guards the registry against our own mistakes.

`BadDeviceToken` and its like come from dead tokens, and also from a wrong
key, environment or project. One of them is believed; many at once are not.

Source: docs/decisions/0006-consequences.md.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from heliograph.core.model.outcome import ACCEPTED, Misconfigured, Outcome, TokenGone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.ids import Id

WINDOW_SENDS = 1000
SUSPICIOUS_SENDS = 50
SUSPICIOUS_SHARE = 0.05


class AmbiguityGuard:
    """Counts ambiguous answers among the recent sends of each provider credential."""

    def __init__(self) -> None:
        self._recent: dict[Id, deque[tuple[int, int]]] = {}

    def check(self, credential_id: Id, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Answer the outcomes to believe: past the limit, ambiguous ones prune nothing."""
        ambiguous = sum(
            1
            for outcome in outcomes
            if outcome is not ACCEPTED and isinstance(outcome, TokenGone) and outcome.is_ambiguous
        )
        recent = self._recent.setdefault(credential_id, deque())
        recent.append((len(outcomes), ambiguous))
        sends = sum(count for count, _ in recent)
        while sends - recent[0][0] >= WINDOW_SENDS:
            sends -= recent.popleft()[0]
        suspicious = sum(count for _, count in recent)
        if suspicious < SUSPICIOUS_SENDS or suspicious <= sends * SUSPICIOUS_SHARE:
            return list(outcomes)
        return [_doubted(outcome) for outcome in outcomes]


def _doubted(outcome: Outcome) -> Outcome:
    if isinstance(outcome, TokenGone) and outcome.is_ambiguous:
        return Misconfigured(f"{outcome.reason} for too many tokens at once")
    return outcome

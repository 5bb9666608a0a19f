"""Which state a notification may go to from which.

    scheduled → running ⇄ paused → completed
    canceled and expired from any but completed

Completed, canceled and expired are final. What was paused while its last
pages were on their way is completed by them. Nothing here reads or writes: the
store applies a step in one statement, so that of two callers one is second.

Source: docs/decisions/0016-a-notifications-life.md.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from heliograph.core.model.notification import NotificationState as State

if TYPE_CHECKING:
    from collections.abc import Mapping


class Step(StrEnum):
    """What may happen to a notification."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    COMPLETE = "complete"
    CANCEL = "cancel"
    EXPIRE = "expire"


_UNFINISHED = frozenset({State.SCHEDULED, State.RUNNING, State.PAUSED})

FINAL = frozenset(State) - _UNFINISHED

ORIGINS: Mapping[Step, frozenset[State]] = MappingProxyType(
    {
        Step.START: frozenset({State.SCHEDULED}),
        Step.PAUSE: frozenset({State.RUNNING}),
        Step.RESUME: frozenset({State.PAUSED}),
        Step.COMPLETE: frozenset({State.RUNNING, State.PAUSED}),
        Step.CANCEL: _UNFINISHED,
        Step.EXPIRE: _UNFINISHED,
    }
)
"""The states that each step leads away from."""

GOALS: Mapping[Step, State] = MappingProxyType(
    {
        Step.START: State.RUNNING,
        Step.PAUSE: State.PAUSED,
        Step.RESUME: State.RUNNING,
        Step.COMPLETE: State.COMPLETED,
        Step.CANCEL: State.CANCELED,
        Step.EXPIRE: State.EXPIRED,
    }
)
"""The state that each step leads to. To be there already is as good: steps may be repeated."""


def after(state: State, step: Step) -> State | None:
    """Say where a step leads from a state; None where it is not allowed."""
    if state in ORIGINS[step] or state is GOALS[step]:
        return GOALS[step]
    return None

"""Breakers: what holds an application's deliveries at one provider back, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.registration import Environment, ProviderName


class BreakerKey(NamedTuple):
    """What one breaker guards."""

    application_id: Id
    provider: ProviderName
    environment: Environment


class BreakerState(StrEnum):
    """Whether deliveries pass."""

    CLOSED = "closed"
    OPEN = "open"


class BreakerCause(StrEnum):
    """Why a breaker opened.

    CREDENTIAL: the provider refuses our key, or there is none to use.
    AMBIGUITY: too many tokens are called bad at once to be believed.
    OUTAGE: the provider can't be reached, fails, or throttles all we send.
    """

    CREDENTIAL = "credential"
    AMBIGUITY = "ambiguity"
    OUTAGE = "outage"


@dataclass(frozen=True, slots=True)
class Breaker:
    """One breaker, as every node knows it. One that never opened has none.

    credential_id: the credential that it opened with; None where there was
    none that could be used. probe_at: when a few deliveries are let through
    to see. probes: how many of those failed. version: rises with each
    change; of two readings the higher one holds.
    """

    key: BreakerKey
    state: BreakerState
    cause: BreakerCause
    reason: str
    credential_id: Id | None
    opened_at: datetime
    changed_at: datetime
    probe_at: datetime
    probes: int = 0
    version: int = 1

    @property
    def is_open(self) -> bool:
        """Whether it holds deliveries back."""
        return self.state is BreakerState.OPEN

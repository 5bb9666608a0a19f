"""Breakers.

Source: docs/dialects/native.md, "Breakers".
"""

from __future__ import annotations

from datetime import datetime

from heliograph.core.model.breaker import BreakerCause, BreakerState
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.web.schemas import Schema


class Breaker(Schema):
    """What holds an application's deliveries at one provider back, or did.

    probe_at: when a few deliveries are let through to see. failed_probes: how
    many of these have shown the same trouble.
    """

    provider: ProviderName
    environment: Environment
    state: BreakerState
    cause: BreakerCause
    reason: str
    opened_at: datetime
    changed_at: datetime
    probe_at: datetime | None
    failed_probes: int


class BreakerList(Schema):
    """The breakers of an application that ever opened."""

    items: tuple[Breaker, ...]
    next: None = None

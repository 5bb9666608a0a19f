"""Breakers, the core's <-> the native API's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.errors import NotFound
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.dialects.native.schemas import breakers as schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.breaker import Breaker


def to_place(provider: str, environment: str) -> tuple[ProviderName, Environment]:
    """Read what a path names; raises NotFound for what no breaker guards."""
    try:
        return ProviderName(provider), Environment(environment)
    except ValueError:
        raise NotFound("breaker", f"{provider}/{environment}") from None


def from_breaker(breaker: Breaker) -> schemas.Breaker:
    """Show a breaker."""
    return schemas.Breaker(
        provider=breaker.key.provider,
        environment=breaker.key.environment,
        state=breaker.state,
        cause=breaker.cause,
        reason=breaker.reason,
        opened_at=breaker.opened_at,
        changed_at=breaker.changed_at,
        probe_at=breaker.probe_at if breaker.is_open else None,
        failed_probes=breaker.probes,
    )


def from_breakers(breakers: Sequence[Breaker]) -> schemas.BreakerList:
    """Show an application's breakers."""
    return schemas.BreakerList(items=tuple(map(from_breaker, breakers)))

"""Use cases of breakers: what holds an application's deliveries back, and letting them go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import NotFound
from heliograph.core.model.breaker import BreakerKey
from heliograph.core.model.identity import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heliograph.core.model.application import Application
    from heliograph.core.model.breaker import Breaker
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.registration import Environment, ProviderName
    from heliograph.core.ports import Clock
    from heliograph.core.stores.store import BreakerStore


class Breakers:
    """Shows breakers and closes them by hand."""

    def __init__(self, store: BreakerStore, clock: Clock, on_closed: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._on_closed = on_closed

    async def of(self, principal: Principal, application: Application) -> Sequence[Breaker]:
        """List an application's breakers that ever opened."""
        access.require(principal, Scope.APPLICATIONS_READ, application)
        return await self._store.breakers(application.id)

    async def reset(
        self,
        principal: Principal,
        application: Application,
        provider: ProviderName,
        environment: Environment,
    ) -> Breaker:
        """Close a breaker, so that what it held is tried at once.

        It opens again if the trouble is still there. Raises NotFound for one
        that never opened.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        key = BreakerKey(application.id, provider, environment)
        closed = await self._store.close_breaker(key, now=self._clock.now())
        if closed is None:
            raise NotFound("breaker", f"{provider}/{environment}")
        self._on_closed()
        return closed

"""Use cases of an account's users: list them, and forget one with all that is theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import NotFound
from heliograph.core.ids import spell
from heliograph.core.model.identity import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.identity.identity import Identity
    from heliograph.core.ids import Id
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ClientPrincipal, User
    from heliograph.core.ports import Clock
    from heliograph.core.stores.people import PeopleStore

AT_ONCE = 500
"""Registrations that one transaction forgets: the writer is never held for long."""


class People:
    """Knows users. A client of one application sees its users only."""

    def __init__(self, store: PeopleStore, identity: Identity, clock: Clock) -> None:
        self._store = store
        self._identity = identity
        self._clock = clock

    async def recent(
        self, principal: ClientPrincipal, *, before: Id | None, limit: int
    ) -> tuple[Sequence[User], Id | None]:
        """List users, newest first; second, behind which one the next part begins."""
        access.require_right(principal, Scope.REGISTRATIONS_READ)
        client = principal.client
        rows = await self._store.recent(
            client.account_id, client.application_id, before=before, limit=limit + 1
        )
        return rows[:limit], rows[limit - 1].id if len(rows) > limit else None

    async def get(self, principal: ClientPrincipal, user_id: Id) -> User:
        """Find a user; raises NotFound."""
        access.require_right(principal, Scope.REGISTRATIONS_READ)
        return await self._seen(principal, user_id)

    async def remove(self, principal: ClientPrincipal, user_id: Id) -> None:
        """Forget a user with registrations, sessions and logins, in every application.

        Other nodes believe in the sessions for `security.cache_ttl_s`. Raises NotFound.
        """
        access.require_right(principal, Scope.REGISTRATIONS_WRITE)
        await self._seen(principal, user_id)
        await self._store.remove(principal.account_id, user_id, now=self._clock.now())
        self._identity.forget_principals()

    async def forget_registrations(self, application: Application, origin: str) -> None:
        """Forget all that was registered in an application through one dialect.

        Asked by who may do away with the application there; no right of its own.
        """
        now = self._clock.now()
        while await self._store.forget_registrations(
            application.id, origin, now=now, limit=AT_ONCE
        ):
            pass

    async def _seen(self, principal: ClientPrincipal, user_id: Id) -> User:
        client = principal.client
        user = await self._store.user(client.account_id, client.application_id, user_id)
        if user is None:
            raise NotFound("user", spell("user", user_id))
        return user

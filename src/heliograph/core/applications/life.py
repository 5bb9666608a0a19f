"""Use cases of an application's life: made under a name, muted, deleted.

For dialects whose back ends administer applications themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import Conflict
from heliograph.core.ids import spell
from heliograph.core.model.identity import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.aliases import Aliases
    from heliograph.core.applications.applications import Applications
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ClientPrincipal
    from heliograph.core.stores.applications import ApplicationStore

ROWS_AT_ONCE = 2000
"""Rows that one transaction deletes: others write in between."""


@dataclass(frozen=True, slots=True)
class KnownApplication:
    """An application and what a dialect's callers call it."""

    application: Application
    name: str


class ApplicationLife:
    """Makes, lists, mutes and deletes applications by a dialect's names of them.

    kind: of the aliases that are the names, per account.
    """

    def __init__(
        self, store: ApplicationStore, applications: Applications, aliases: Aliases
    ) -> None:
        self._store = store
        self._applications = applications
        self._aliases = aliases

    async def create(self, principal: ClientPrincipal, kind: str, name: str) -> Application:
        """Make an application; raises NotPermitted, Conflict where the name is taken."""
        access.require_right(principal, Scope.APPLICATIONS_WRITE)
        access.require_whole_account(principal)
        account_id = principal.account_id
        if await self._aliases.find(kind, account_id, name) is not None:
            raise Conflict("application", name)
        made = await self._applications.create(account_id, name)
        try:
            await self._aliases.set(kind, account_id, made.id, name)
        except Conflict:
            await self._store.remove(made.id)
            raise Conflict("application", name) from None
        return made

    async def all_of(self, principal: ClientPrincipal, kind: str) -> Sequence[KnownApplication]:
        """List an account's applications by age; a client of one sees that alone."""
        access.require_right(principal, Scope.APPLICATIONS_READ)
        names = await self._aliases.all_of(kind, principal.account_id)
        own = principal.client.application_id
        return [
            KnownApplication(each, names.get(each.id) or spell("application", each.id))
            for each in await self._applications.all_of(principal.account_id)
            if own in (None, each.id)
        ]

    async def mute(
        self, principal: ClientPrincipal, application: Application, *, is_muted: bool
    ) -> None:
        """Let nothing be sent any more, or let it again; raises NotPermitted."""
        await self._applications.change_settings(
            principal, application, "application", {"is_muted": is_muted}
        )

    async def remove(self, principal: ClientPrincipal, application: Application, kind: str) -> None:
        """Delete an application with all it has; raises NotPermitted.

        It goes piece by piece and itself at last, so that a server that dies
        meanwhile leaves an application that can be deleted again.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        access.require_whole_account(principal)
        await self.mute(principal, application, is_muted=True)
        name = await self._aliases.of(kind, application.account_id, application.id)
        while await self._store.forget_some(application.id, limit=ROWS_AT_ONCE):
            pass
        if name is not None:
            await self._aliases.drop(kind, application.account_id, name)
        await self._store.remove(application.id)
        self._applications.forget(application.id)

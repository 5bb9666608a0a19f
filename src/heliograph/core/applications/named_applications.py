"""Use cases of applications as a dialect knows them: by names of its own, one by default.

Source: docs/decisions/0023-recipients.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import Conflict, InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.model.identity import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.aliases import Aliases
    from heliograph.core.applications.applications import Applications
    from heliograph.core.identity.people import People
    from heliograph.core.ids import Id
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ClientPrincipal

MAX_NAMED = 10
"""Of one account, in one dialect."""


@dataclass(frozen=True, slots=True)
class NamedApplication:
    """An application with its name in a dialect. is_default: used where a request names none."""

    application: Application
    name: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class Naming:
    """A dialect's kinds of aliases: of names, and of the one name that is the default."""

    names: str
    default: str


class NamedApplications:
    """Finds, makes and forgets applications by name. Who may not see one doesn't find it."""

    def __init__(self, applications: Applications, aliases: Aliases, people: People) -> None:
        self._applications = applications
        self._aliases = aliases
        self._people = people

    async def all_of(
        self, principal: ClientPrincipal, naming: Naming
    ) -> Sequence[NamedApplication]:
        """List an account's named applications by age.

        The default is the one that was chosen, else the oldest.
        """
        account_id = principal.account_id
        names = await self._aliases.all_of(naming.names, account_id)
        named = [each for each in await self._applications.all_of(account_id) if each.id in names]
        chosen = await self._aliases.find(naming.default, account_id, naming.default)
        ids = [each.id for each in named]
        default = chosen if chosen in ids else next(iter(ids), None)
        own = principal.client.application_id
        return [
            NamedApplication(each, names[each.id], each.id == default)
            for each in named
            if own in (None, each.id)
        ]

    async def find(
        self, principal: ClientPrincipal, naming: Naming, name: str | None
    ) -> NamedApplication | None:
        """Find one by name, or the default by None; None where there is none."""
        for each in await self.all_of(principal, naming):
            if each.name == name or (name is None and each.is_default):
                return each
        return None

    async def ensure(self, principal: ClientPrincipal, naming: Naming, name: str) -> Application:
        """Find one by name, made at first sight.

        Raises NotPermitted for a client of one application, and InvalidRequest
        where the account has too many.
        """
        access.require_right(principal, Scope.APPLICATIONS_WRITE)
        known = await self.find(principal, naming, name)
        if known is not None:
            return known.application
        access.require_whole_account(principal)
        account_id = principal.account_id
        if len(await self._aliases.all_of(naming.names, account_id)) >= MAX_NAMED:
            expected = f"the name of one of at most {MAX_NAMED}"
            raise InvalidRequest([Problem(("name",), ProblemKind.TOO_MANY, expected)])
        made = await self._applications.create(account_id, name)
        try:
            await self._aliases.set(naming.names, account_id, made.id, name)
        except Conflict:
            # Somebody else made it meanwhile; the nameless one is in nobody's way.
            found = await self._aliases.find(naming.names, account_id, name)
            if found is None:
                raise
            return await self._applications.get(found)
        return made

    async def choose(
        self, principal: ClientPrincipal, naming: Naming, name: str, *, is_default: bool
    ) -> None:
        """Make one the default, or let it be that no longer; raises NotFound, NotPermitted."""
        access.require_right(principal, Scope.APPLICATIONS_WRITE)
        found = await self.find(principal, naming, name)
        if found is None:
            raise NotFound("application", name)
        account_id, kind = principal.account_id, naming.default
        if is_default:
            await self._aliases.move(kind, account_id, found.application.id, kind)
        elif found.is_default:
            await self._aliases.drop(kind, account_id, kind)

    async def forget(
        self, principal: ClientPrincipal, naming: Naming, application_id: Id, *, origin: str
    ) -> None:
        """Take an application's name away, and all that was registered through the dialect.

        The application itself stays, with what other dialects made in it.
        """
        access.require_right(principal, Scope.APPLICATIONS_WRITE)
        application = await self._applications.get(application_id)
        account_id = principal.account_id
        name = await self._aliases.of(naming.names, account_id, application_id)
        if name is not None:
            await self._aliases.drop(naming.names, account_id, name)
        if await self._aliases.of(naming.default, account_id, application_id) is not None:
            await self._aliases.drop(naming.default, account_id, naming.default)
        await self._people.forget_registrations(application, origin)

"""Use cases of an application's credentials where there are several for one provider.

For each provider and environment one is the application's own, which
everything is sent by that asks for no other; the rest is spare.

Source: docs/decisions/0023-recipients.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.cache import TtlCache
from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.ids import new_id, spell
from heliograph.core.model.identity import Scope
from heliograph.core.notifications.sender_choice import chosen_credentials
from heliograph.core.stores.applications import SealedCredential

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from heliograph.core.applications.applications import Applications
    from heliograph.core.ids import Id
    from heliograph.core.model.application import (
        Application,
        ProviderCredential,
        Secret,
        ShelvedCredential,
    )
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.notification import Options
    from heliograph.core.model.registration import Environment, ProviderName
    from heliograph.core.ports import Clock
    from heliograph.core.stores.people import CredentialStore

    SecretReader = Callable[[str], Secret]

KEPT = "kept"
"""Of an application's settings: what came with a provider's credentials, by provider."""

MAX_CREDENTIALS = 10
"""Of one application, its own included."""


class CredentialShelf:
    """Keeps an application's credentials.

    readers: how the text of a credential is read, by provider.
    """

    def __init__(
        self,
        store: CredentialStore,
        applications: Applications,
        clock: Clock,
        *,
        readers: Mapping[ProviderName, SecretReader],
        cache_ttl_s: float,
    ) -> None:
        self._store = store
        self._applications = applications
        self._clock = clock
        self._readers = readers
        self._spare: TtlCache[Id, tuple[ProviderCredential, ...]] = TtlCache(
            clock.monotonic, size=10_000, ttl_s=cache_ttl_s
        )

    def read_secret(self, provider: ProviderName, environment: Environment, text: str) -> Secret:
        """Read a credential and check that its provider could use it; raises InvalidRequest."""
        secret = self._readers[provider](text)
        self._applications.check_secret(secret, environment)
        return secret

    async def put(
        self,
        principal: Principal,
        application: Application,
        environment: Environment,
        secret: Secret,
        *,
        is_own: bool,
    ) -> ShelvedCredential:
        """Add a credential; the first for its provider and environment is the own one anyway.

        Raises InvalidRequest where there are too many already, or where its
        provider could do nothing with it.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        provider, sealed = self._applications.sealed(application.id, environment, secret)
        present = await self.of(application.id)
        if len(present) >= MAX_CREDENTIALS:
            expected = f"one of at most {MAX_CREDENTIALS}"
            raise InvalidRequest([Problem((), ProblemKind.TOO_MANY, expected)])
        now = self._clock.now()
        credential_id = new_id(now)
        await self._store.add_spare(
            application.id, SealedCredential(credential_id, provider, environment, sealed), now=now
        )
        has_own = any(
            each.is_own and (each.provider, each.environment) == (provider, environment)
            for each in present
        )
        if is_own or not has_own:
            await self._store.make_own(application.id, credential_id, now=now)
        self._forget(application.id)
        return await self.get(application.id, credential_id)

    async def of(self, application_id: Id) -> Sequence[ShelvedCredential]:
        """List an application's credentials by age, without their secrets."""
        return await self._store.shelf(application_id)

    async def get(self, application_id: Id, credential_id: Id) -> ShelvedCredential:
        """Find one; raises NotFound."""
        for each in await self.of(application_id):
            if each.id == credential_id:
                return each
        raise NotFound("credential", spell("credential", credential_id))

    async def make_own(
        self, principal: Principal, application: Application, credential_id: Id
    ) -> None:
        """Send by this credential from now on, unless another is asked for; raises NotFound."""
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        known = await self.get(application.id, credential_id)
        if not known.is_own:
            await self._store.make_own(application.id, credential_id, now=self._clock.now())
            self._forget(application.id)

    async def remove(
        self, principal: Principal, application: Application, credential_id: Id
    ) -> bool:
        """Delete a credential; answer whether the application has any left. Raises NotFound.

        The oldest spare one of the same kind takes the place of an own one.
        What was kept of its provider goes with the last of the provider's.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        known = await self.get(application.id, credential_id)
        heirs = [
            each
            for each in await self.of(application.id)
            if not each.is_own
            and (each.provider, each.environment) == (known.provider, known.environment)
        ]
        if known.is_own and heirs:
            await self._store.make_own(application.id, heirs[0].id, now=self._clock.now())
        await self._store.remove_credential(application.id, credential_id)
        self._forget(application.id)
        left = await self.of(application.id)
        if all(each.provider is not known.provider for each in left):
            await self.forget_kept(principal, application, known.provider)
        return bool(left)

    async def forget_kept(
        self, principal: Principal, application: Application, provider: ProviderName
    ) -> None:
        """Forget what came with a provider's credentials."""
        nothing = {provider.value: None}
        await self._applications.change_settings(principal, application, KEPT, nothing)

    async def sent_by(self, application_id: Id, options: Options) -> tuple[ProviderCredential, ...]:
        """Unseal the credentials that a notification is sent by; raises Unavailable."""
        own = await self._applications.credentials_of(application_id)
        if not options.credentials:
            return own
        known = {each.id for each in own}
        if all(credential_id in known for _, credential_id in options.credentials):
            return chosen_credentials(options, own, ())
        return chosen_credentials(options, own, await self._spare_of(application_id))

    async def _spare_of(self, application_id: Id) -> tuple[ProviderCredential, ...]:
        known = self._spare.get(application_id)
        if known is None:
            rows = await self._store.spare(application_id)
            known = self._applications.opened(application_id, rows)
            self._spare.put(application_id, known)
        return known

    def _forget(self, application_id: Id) -> None:
        self._spare.forget(application_id)
        self._applications.forget_credentials(application_id)

"""Use cases of an application's providers, as a back end sets them: one credential for each.

Beside it what a caller gave is kept, sealed, where it has to be shown again
as it came.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from heliograph.core import access
from heliograph.core.applications.credential_shelf import KEPT
from heliograph.core.errors import NotFound, Unavailable
from heliograph.core.model.identity import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from heliograph.core.applications.applications import Applications
    from heliograph.core.applications.credential_shelf import CredentialShelf
    from heliograph.core.ids import Id
    from heliograph.core.model.application import (
        Application,
        Defaults,
        ProviderCredential,
        Secret,
        ShelvedCredential,
    )
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.registration import Environment, ProviderName
    from heliograph.core.ports import Sealer
    from heliograph.core.stores.applications import ApplicationStore


@dataclass(frozen=True, slots=True)
class CredentialFile:
    """What a file of a credential holds. bundle_id: of the app that it is for, if it says so."""

    secret: Secret
    bundle_id: str | None
    valid_until: datetime


class ProviderSettings:
    """Sets, shows and removes the credentials that an application sends by.

    readers: how a file of a credential is read, with its password, by provider.
    """

    def __init__(
        self,
        store: ApplicationStore,
        applications: Applications,
        shelf: CredentialShelf,
        sealer: Sealer,
        *,
        readers: Mapping[ProviderName, Callable[[bytes, str | None], CredentialFile]],
    ) -> None:
        self._store = store
        self._applications = applications
        self._shelf = shelf
        self._sealer = sealer
        self._readers = readers

    async def credential(
        self, principal: Principal, application: Application, provider: ProviderName
    ) -> ProviderCredential | None:
        """Answer the credential that a provider's messages are sent by; None if there is none."""
        access.require(principal, Scope.APPLICATIONS_READ, application)
        own = await self._applications.credentials_of(application.id, is_fresh=True)
        return next((each for each in own if each.provider is provider), None)

    async def all_of(
        self, principal: Principal, application: Application
    ) -> Sequence[ShelvedCredential]:
        """List an application's credentials by age, without their secrets."""
        access.require(principal, Scope.APPLICATIONS_READ, application)
        return await self._shelf.of(application.id)

    async def own_of(
        self,
        principal: Principal,
        application: Application,
        provider: ProviderName,
        environment: Environment,
    ) -> ShelvedCredential:
        """Find what is sent by in an environment, to show whoever set it; raises NotFound."""
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        for each in await self._shelf.of(application.id):
            if each.is_own and (each.provider, each.environment) == (provider, environment):
                return each
        raise NotFound("credential", f"{provider.value}/{environment.value}")

    async def shown(self, principal: Principal, application: Application) -> Application:
        """Let whoever may see an application see it; raises NotPermitted."""
        access.require(principal, Scope.APPLICATIONS_READ, application)
        return application

    async def change(
        self,
        principal: Principal,
        application: Application,
        defaults: Defaults,
        *,
        is_muted: bool | None = None,
    ) -> Application:
        """Change what an application assumes, and whether anything is sent to it.

        is_muted: None leaves that as it is.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        if is_muted is not None:
            await self._applications.change_settings(
                principal, application, "application", {"is_muted": is_muted}
            )
        if defaults != application.defaults:
            await self._store.change_defaults(application.id, defaults)
            self._applications.forget(application.id)
        return await self._applications.get(application.id)

    async def put(
        self,
        principal: Principal,
        application: Application,
        environment: Environment,
        secret: Secret,
        *,
        is_only: bool = True,
    ) -> None:
        """Send by this credential; raises InvalidRequest.

        is_only: and by no other of its provider, in whatever environment.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        put = await self._applications.set_credential(application, environment, secret)
        if is_only:
            await self._remove(principal, application, put.provider, but=put.id)

    async def put_file(
        self,
        principal: Principal,
        application: Application,
        provider: ProviderName,
        environment: Environment,
        raw: bytes,
        password: str | None,
        *,
        is_only: bool = True,
    ) -> CredentialFile:
        """Send by the credential of a file, and answer what it holds; raises InvalidRequest.

        is_only: registrations that don't say their app or environment are of
        this one from now on.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        read = self._readers[provider](raw, password)
        await self.put(principal, application, environment, read.secret, is_only=is_only)
        if is_only:
            former = application.defaults
            await self.change(
                principal,
                application,
                replace(
                    former, bundle_id=former.bundle_id or read.bundle_id, environment=environment
                ),
            )
        return read

    async def remove(
        self,
        principal: Principal,
        application: Application,
        provider: ProviderName,
        *,
        environment: Environment | None = None,
    ) -> bool:
        """Remove every credential of a provider; False where there was none.

        environment: only those of one. What was kept of the provider goes with the last.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        return await self._remove(
            principal, application, provider, but=None, environment=environment
        )

    async def remove_all(
        self, principal: Principal, application: Application, provider: ProviderName
    ) -> bool:
        """Remove a provider's credentials and what was kept of it; False where there was neither.

        Something may be kept of a provider that has no credential.
        """
        is_kept = _sealed(application, provider) is not None
        was_there = await self.remove(principal, application, provider)
        if is_kept:
            await self._shelf.forget_kept(principal, application, provider)
        return was_there or is_kept

    async def keep(
        self,
        principal: Principal,
        application: Application,
        provider: ProviderName,
        values: Mapping[str, Any],
    ) -> None:
        """Keep what a caller gave for a provider, sealed, until its credentials are removed."""
        text = json.dumps(values, separators=(",", ":"))
        raw = self._sealer.seal(text.encode(), _context(application.id, provider))
        sealed = {provider.value: base64.b64encode(raw).decode("ascii")}
        await self._applications.change_settings(principal, application, KEPT, sealed)

    async def kept(
        self, principal: Principal, application: Application, provider: ProviderName
    ) -> Mapping[str, Any] | None:
        """Answer what was kept; raises Unavailable where the key that sealed it is not at hand."""
        access.require(principal, Scope.APPLICATIONS_READ, application)
        sealed = _sealed(application, provider)
        if sealed is None:
            return None
        try:
            context = _context(application.id, provider)
            plain = self._sealer.unseal(base64.b64decode(sealed), context)
        except ValueError as error:
            raise Unavailable("sealing key") from error
        known: Mapping[str, Any] = json.loads(plain)
        return known

    async def _remove(
        self,
        principal: Principal,
        application: Application,
        provider: ProviderName,
        *,
        but: Id | None,
        environment: Environment | None = None,
    ) -> bool:
        leaving = [
            each
            for each in await self._shelf.of(application.id)
            if each.provider is provider
            and each.id != but
            and (but is None or each.is_own)
            and environment in (None, each.environment)
        ]
        for each in leaving:
            await self._shelf.remove(principal, application, each.id)
        return bool(leaving)


def _sealed(application: Application, provider: ProviderName) -> str | None:
    sealed: str | None = application.settings.get(KEPT, {}).get(provider.value)
    return sealed


def _context(application_id: Id, provider: ProviderName) -> bytes:
    """Bind what is kept to its place, so that rows can't be swapped."""
    return b"kept:" + application_id + f":{provider.value}".encode()

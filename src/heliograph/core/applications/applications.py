"""Use cases of accounts, applications, API clients and provider credentials."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from heliograph.core import access
from heliograph.core.cache import TtlCache
from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind, Unavailable
from heliograph.core.identity.identity import secret_hash
from heliograph.core.ids import Id, new_id, parse, spell
from heliograph.core.model.application import (
    Account,
    ApnsCertificate,
    ApnsCredential,
    Application,
    Defaults,
    FcmCredential,
    ProviderCredential,
    Secret,
    SmppAccount,
    SmsGateway,
    WebPushCredential,
    WnsCredential,
)
from heliograph.core.model.identity import ALL_SCOPES, ApiClient, Scope
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.registrations.tokens import has_control_characters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heliograph.core.model.identity import Principal
    from heliograph.core.ports import Clock, CredentialCheck, Sealer
    from heliograph.core.stores.applications import SealedCredential
    from heliograph.core.stores.store import IdentityStore

MAX_NAME_CHARS = 256

NO_CHECKS: Mapping[ProviderName, CredentialCheck] = MappingProxyType({})

_SECRETS: dict[ProviderName, tuple[type[Secret], ...]] = {
    ProviderName.APNS: (ApnsCredential, ApnsCertificate),
    ProviderName.FCM: (FcmCredential,),
    ProviderName.WEBPUSH: (WebPushCredential,),
    ProviderName.WNS: (WnsCredential,),
    ProviderName.SMS: (SmsGateway, SmppAccount),
}
"""What may be a provider's credential: forms that differ in the names of their fields."""

_PROVIDER_OF = {form: provider for provider, forms in _SECRETS.items() for form in forms}


class Applications:
    """Creates and finds what an operator or a back end administers."""

    def __init__(
        self,
        store: IdentityStore,
        sealer: Sealer,
        clock: Clock,
        *,
        cache_ttl_s: float,
        checks: Mapping[ProviderName, CredentialCheck] = NO_CHECKS,
    ) -> None:
        self._checks = checks
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._cache: TtlCache[Id, Application] = TtlCache(
            clock.monotonic, size=10_000, ttl_s=cache_ttl_s
        )
        self._credentials: TtlCache[Id, tuple[ProviderCredential, ...]] = TtlCache(
            clock.monotonic, size=10_000, ttl_s=cache_ttl_s
        )

    async def account(self) -> Account:
        """Answer the server's first account, made at first use."""
        accounts = await self._store.accounts()
        if accounts:
            return accounts[0]
        now = self._clock.now()
        account = Account(new_id(now), "default", now)
        await self._store.add_account(account)
        return account

    async def create(
        self, account_id: Id, name: str, defaults: Defaults | None = None
    ) -> Application:
        """Make an application; raises InvalidRequest for names that nobody can read."""
        _check_name("name", name)
        if defaults is not None and defaults.bundle_id is not None:
            _check_name("bundle_id", defaults.bundle_id)
        now = self._clock.now()
        application = Application(new_id(now), account_id, name, now, defaults or Defaults())
        await self._store.add_application(application)
        return application

    async def get(self, application_id: Id) -> Application:
        """Find an application by id, whoever's it is; raises NotFound."""
        application = self._cache.get(application_id)
        if application is None:
            application = await self._store.application(application_id)
            if application is None:
                raise NotFound("application", spell("application", application_id))
            self._cache.put(application_id, application)
        return application

    async def by_spelling(self, text: str) -> Application:
        """Find an application by its spelled id; raises NotFound."""
        return await self.get(parse("application", text))

    async def seen_by(self, principal: Principal, text: str) -> Application:
        """Find an application that a caller may know of; raises NotFound.

        For requests that name an application: asked before their body is
        read, so that a refused body tells nobody which ids exist.
        """
        application = await self.by_spelling(text)
        access.require_sight(principal, application)
        return application

    async def change_settings(
        self,
        principal: Principal,
        application: Application,
        section: str,
        values: Mapping[str, Any],
    ) -> None:
        """Change what an application keeps for one dialect; raises NotPermitted.

        Other nodes follow within `security.cache_ttl_s`.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        await self._store.change_settings(application.id, section, values)
        self._cache.forget(application.id)

    async def suspend(
        self, principal: Principal, application: Application, *, is_suspended: bool
    ) -> None:
        """Let nobody sign in to an application, or let them in again; raises NotPermitted."""
        values = {"is_suspended": is_suspended}
        await self.change_settings(principal, application, "application", values)

    def forget(self, application_id: Id) -> None:
        """Read an application and its credentials anew the next time."""
        self._cache.forget(application_id)
        self._credentials.forget(application_id)

    async def all_of(self, account_id: Id | None = None) -> Sequence[Application]:
        """List an account's applications, or the server's."""
        return await self._store.applications(account_id)

    async def create_client(
        self,
        account_id: Id,
        name: str,
        *,
        application_id: Id | None = None,
        scopes: frozenset[Scope] = ALL_SCOPES,
    ) -> tuple[ApiClient, str]:
        """Make an API client; answers it with its key, which is shown only now.

        Raises InvalidRequest for a name that nobody can read.
        """
        _check_name("name", name)
        now = self._clock.now()
        client = ApiClient(new_id(now), account_id, name, scopes, now, application_id)
        key = f"hgk_{secrets.token_urlsafe(32)}"
        await self._store.add_client(client, secret_hash(key))
        return client, key

    async def clients_of(self, account_id: Id | None = None) -> Sequence[ApiClient]:
        """List an account's API clients, or the server's."""
        return await self._store.clients(account_id)

    async def set_credential(
        self, application: Application, environment: Environment, secret: Secret
    ) -> ProviderCredential:
        """Seal and store a provider credential in place of the former one.

        Raises InvalidRequest naming every problem, for one that its provider
        could do nothing with.
        """
        provider, sealed = self.sealed(application.id, environment, secret)
        now = self._clock.now()
        credential = ProviderCredential(new_id(now), application.id, provider, environment, secret)
        await self._store.put_credential(
            application.id, credential.id, provider, environment, sealed, now=now
        )
        self._credentials.forget(application.id)
        return credential

    async def credentials_of(
        self, application_id: Id, *, is_fresh: bool = False
    ) -> tuple[ProviderCredential, ...]:
        """Unseal an application's provider credentials.

        is_fresh: as they are stored now, whatever is remembered. Raises
        Unavailable where the key that sealed them is not at hand.
        """
        known = self._credentials.get(application_id)
        if known is not None and not is_fresh:
            return known
        credentials = self.opened(application_id, await self._store.credentials(application_id))
        self._credentials.put(application_id, credentials)
        return credentials

    def check_secret(self, secret: Secret, environment: Environment) -> None:
        """Refuse a credential that its provider could do nothing with; raises InvalidRequest."""
        if check := self._checks.get(_PROVIDER_OF[type(secret)]):
            check(secret, environment, now=self._clock.now())

    def sealed(
        self, application_id: Id, environment: Environment, secret: Secret
    ) -> tuple[ProviderName, bytes]:
        """Check and seal a credential; first, whose it is. Raises InvalidRequest."""
        self.check_secret(secret, environment)
        provider = _PROVIDER_OF[type(secret)]
        context = _context(application_id, provider, environment)
        return provider, self._sealer.seal(json.dumps(asdict(secret)).encode(), context)

    def opened(
        self, application_id: Id, rows: Sequence[SealedCredential]
    ) -> tuple[ProviderCredential, ...]:
        """Unseal credentials; raises Unavailable where the key is not at hand."""
        opened = []
        for row in rows:
            context = _context(application_id, row.provider, row.environment)
            try:
                stored = json.loads(self._sealer.unseal(row.sealed, context))
            except ValueError as error:
                raise Unavailable("sealing key") from error
            secret = _secret_of(row.provider, stored)
            opened.append(
                ProviderCredential(row.id, application_id, row.provider, row.environment, secret)
            )
        return tuple(opened)

    def forget_credentials(self, application_id: Id) -> None:
        """Read an application's credentials anew the next time."""
        self._credentials.forget(application_id)


def _check_name(field: str, name: str) -> None:
    if not name.strip() or len(name) > MAX_NAME_CHARS or has_control_characters(name):
        expected = f"1 to {MAX_NAME_CHARS} printable characters"
        raise InvalidRequest([Problem((field,), ProblemKind.MALFORMED, expected)])


def _secret_of(provider: ProviderName, stored: Mapping[str, Any]) -> Secret:
    """Build a credential of the form whose fields were stored."""
    names = {form: {each.name for each in fields(form)} for form in _SECRETS[provider]}
    # A field that is new has a default, and is missing in what was stored before.
    return next(form for form in names if stored.keys() <= names[form])(**stored)


def _context(application_id: Id, provider: str, environment: str) -> bytes:
    """Bind a sealed credential to its place, so that rows can't be swapped."""
    return b"credential:" + application_id + f":{provider}:{environment}".encode()

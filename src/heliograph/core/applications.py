"""Use cases of accounts, applications, API clients and provider credentials."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.cache import TtlCache
from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind, Unavailable
from heliograph.core.identity import secret_hash
from heliograph.core.ids import Id, new_id, parse, spell
from heliograph.core.model.application import (
    Account,
    ApnsCredential,
    Application,
    Defaults,
    FcmCredential,
    ProviderCredential,
    Secret,
)
from heliograph.core.model.identity import ALL_SCOPES, ApiClient, Scope
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.tokens import has_control_characters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.identity import Principal
    from heliograph.core.ports import Clock, Sealer
    from heliograph.core.store import IdentityStore

MAX_NAME_CHARS = 256

_SECRETS: dict[ProviderName, type[ApnsCredential | FcmCredential]] = {
    ProviderName.APNS: ApnsCredential,
    ProviderName.FCM: FcmCredential,
}


class Applications:
    """Creates and finds what an operator or a back end administers."""

    def __init__(
        self, store: IdentityStore, sealer: Sealer, clock: Clock, *, cache_ttl_s: float
    ) -> None:
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
        """Seal and store a provider credential in place of the former one."""
        now = self._clock.now()
        provider = ProviderName.APNS if isinstance(secret, ApnsCredential) else ProviderName.FCM
        credential = ProviderCredential(new_id(now), application.id, provider, environment, secret)
        sealed = self._sealer.seal(
            json.dumps(asdict(secret)).encode(), _context(application.id, provider, environment)
        )
        await self._store.put_credential(
            application.id, credential.id, provider, environment, sealed, now=now
        )
        self._credentials.forget(application.id)
        return credential

    async def credentials_of(self, application_id: Id) -> tuple[ProviderCredential, ...]:
        """Unseal an application's provider credentials.

        Raises Unavailable where the key that sealed them is not at hand.
        """
        known = self._credentials.get(application_id)
        if known is not None:
            return known
        opened = []
        for row in await self._store.credentials(application_id):
            context = _context(application_id, row.provider, row.environment)
            try:
                fields = json.loads(self._sealer.unseal(row.sealed, context))
            except ValueError as error:
                raise Unavailable("sealing key") from error
            secret = _SECRETS[row.provider](**fields)
            opened.append(
                ProviderCredential(row.id, application_id, row.provider, row.environment, secret)
            )
        credentials = tuple(opened)
        self._credentials.put(application_id, credentials)
        return credentials


def _check_name(field: str, name: str) -> None:
    if not name.strip() or len(name) > MAX_NAME_CHARS or has_control_characters(name):
        expected = f"1 to {MAX_NAME_CHARS} printable characters"
        raise InvalidRequest([Problem((field,), ProblemKind.MALFORMED, expected)])


def _context(application_id: Id, provider: str, environment: str) -> bytes:
    """Bind a sealed credential to its place, so that rows can't be swapped."""
    return b"credential:" + application_id + f":{provider}:{environment}".encode()

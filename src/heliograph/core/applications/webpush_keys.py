"""Use cases of the keys that browsers' subscriptions are made with.

A push service takes messages for a subscription by the one key that it was made
with. So a new key never ends an old one: it serves new subscriptions, and each
registration says which key is its own.

Source: docs/decisions/0018-web-push.md; RFC 8292, section 4.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import Conflict, InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.model.application import WebPushCredential
from heliograph.core.model.identity import Scope
from heliograph.core.model.registration import Attribute, Environment, ProviderName

if TYPE_CHECKING:
    from collections.abc import Callable

    from heliograph.core.applications.applications import Applications
    from heliograph.core.model.application import Application, VapidKey
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.registration import Draft

MAX_KEYS = 16
"""Keys of one application; each former one serves subscriptions until it is removed."""


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """What an app may know: public halves in base64url, the present one first."""

    contact: str
    keys: tuple[str, ...]


class WebPushKeys:
    """Makes, shows and removes keys. make_key: draws a new pair."""

    def __init__(self, applications: Applications, make_key: Callable[[], VapidKey]) -> None:
        self._applications = applications
        self._make_key = make_key
        # One change at a time: each writes all keys anew, and none may be lost.
        self._changes = asyncio.Lock()

    async def create(
        self, principal: Principal, application: Application, contact: str | None
    ) -> PublicKeys:
        """Make a key for new subscriptions. contact: None keeps the present one.

        Raises NotPermitted; InvalidRequest for a contact that is missing or
        can't be; Conflict where there are as many keys as there may be.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        return await self.make(application, contact)

    async def make(
        self, application: Application, contact: str | None, key: VapidKey | None = None
    ) -> PublicKeys:
        """Make a key on an operator's word, or take one from elsewhere; otherwise as `create`."""
        async with self._changes:
            present = await self._credential(application, is_fresh=True)
            former = () if present is None else present.keys
            if len(former) >= MAX_KEYS:
                raise Conflict("webpush_key", former[-1].public)
            if contact is None and present is not None:
                contact = present.contact
            if contact is None:
                expected = "a mailto: or https: address that push services may turn to"
                raise InvalidRequest([Problem(("contact",), ProblemKind.MISSING, expected)])
            key = self._make_key() if key is None else key
            if any(key.public == each.public for each in former):
                raise Conflict("webpush_key", key.public)
            return await self._put(application, WebPushCredential(contact, (key, *former)))

    async def all_of(self, principal: Principal, application: Application) -> PublicKeys:
        """Say the public keys; raises NotFound where there are none, NotPermitted."""
        access.require(principal, Scope.REGISTRATIONS_READ, application)
        return await self.shown(application)

    async def shown(self, application: Application) -> PublicKeys:
        """Say the public keys to an operator; raises NotFound where there are none."""
        present = await self._credential(application)
        if present is None:
            raise NotFound("credential", ProviderName.WEBPUSH)
        return _public(present)

    async def remove(self, principal: Principal, application: Application, public: str) -> None:
        """Remove a former key: what was subscribed with it is not reached any more.

        Raises NotPermitted, NotFound, and Conflict for the present key.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        await self.drop(application, public)

    async def drop(self, application: Application, public: str) -> None:
        """Remove a former key on an operator's word; raises NotFound, Conflict."""
        async with self._changes:
            present = await self._credential(application, is_fresh=True)
            keys = () if present is None else present.keys
            place = next((i for i, key in enumerate(keys) if key.public == _plain(public)), None)
            if present is None or place is None:
                raise NotFound("webpush_key", public)
            if place == 0:
                raise Conflict("webpush_key", public)
            left = (*keys[:place], *keys[place + 1 :])
            await self._put(application, replace(present, keys=left))

    async def noted(self, application: Application, draft: Draft) -> Draft:
        """Say in a browser's draft which key its subscription was made with.

        Where the draft names none it is what is known of the same endpoint, and
        for a new one the present key. Raises InvalidRequest for a key that is
        none of the application's.
        """
        present = await self._credential(application)
        keys = () if present is None else tuple(key.public for key in present.keys)
        named = draft.attributes.get(Attribute.VAPID_KEY)
        if named is None:
            return draft._replace(assumed={Attribute.VAPID_KEY: keys[0]}) if keys else draft
        plain = _plain(str(named))
        if plain not in keys:
            expected = "one of the application's public keys"
            path = ("attributes", Attribute.VAPID_KEY.value)
            raise InvalidRequest([Problem(path, ProblemKind.NOT_ALLOWED, expected)])
        return draft._replace(attributes={**draft.attributes, Attribute.VAPID_KEY: plain})

    async def _credential(
        self, application: Application, *, is_fresh: bool = False
    ) -> WebPushCredential | None:
        for each in await self._applications.credentials_of(application.id, is_fresh=is_fresh):
            if isinstance(each.secret, WebPushCredential):
                return each.secret
        return None

    async def _put(self, application: Application, secret: WebPushCredential) -> PublicKeys:
        await self._applications.set_credential(application, Environment.PRODUCTION, secret)
        return _public(secret)


def _public(secret: WebPushCredential) -> PublicKeys:
    return PublicKeys(secret.contact, tuple(key.public for key in secret.keys))


def _plain(key: str) -> str:
    """Spell a key as we do: base64url without padding."""
    return key.strip().rstrip("=").replace("+", "-").replace("/", "_")

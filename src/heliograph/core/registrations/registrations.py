"""Use cases of registrations: who holds which token."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from heliograph.core import access
from heliograph.core.errors import (
    Conflict,
    InvalidRequest,
    InvalidToken,
    NotFound,
    Problem,
    ProblemKind,
)
from heliograph.core.ids import Id, spell
from heliograph.core.model.identity import Scope, SessionPrincipal
from heliograph.core.model.listing import (
    ANYTHING,
    Condition,
    RegistrationField,
    RegistrationFilter,
    Window,
)
from heliograph.core.model.registration import Attribute, ProviderName
from heliograph.core.registrations.quiet_hours import check_quiet_hours
from heliograph.core.registrations.tokens import MAX_TOKEN_CHARS, has_control_characters
from heliograph.core.registrations.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heliograph.core.applications.webpush_keys import WebPushKeys
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.listing import Listed
    from heliograph.core.model.registration import (
        Changes,
        Draft,
        Owner,
        Registration,
        Slot,
    )
    from heliograph.core.ports import AddressCheck, Clock
    from heliograph.core.stores.registry import RegistryStore

NO_CHECKS: Mapping[ProviderName, AddressCheck] = MappingProxyType({})

_THE_FIRST = Window(offset=0, limit=1)

_NAMES_AT_ONCE = 100
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class RegistrationPage:
    """A part of a list. next_after: where the next part begins; None at the end."""

    items: Sequence[Registration]
    next_after: Id | None


class Registrations:
    """Registers, finds, changes and forgets registrations on a caller's behalf."""

    def __init__(
        self,
        store: RegistryStore,
        clock: Clock,
        *,
        address_checks: Mapping[ProviderName, AddressCheck] = NO_CHECKS,
        webpush_keys: WebPushKeys | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._address_checks = address_checks
        self._webpush_keys = webpush_keys
        self._totals = Totals(clock)

    async def register(
        self, principal: Principal, application: Application, draft: Draft
    ) -> Registration:
        """Write a draft; on return it is durable.

        Raises InvalidToken, InvalidRequest, NotPermitted, Conflict (an occupied
        slot that the draft must not replace), NotAuthenticated (the session
        ended meanwhile), Suspended (it is a key, and its user was shut out).
        """
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        access.require_ownership(principal, draft.owner)
        return await self._store.register(await self._admitted(application, draft))

    async def register_all(
        self, principal: Principal, application: Application, drafts: Sequence[Draft]
    ) -> Sequence[Registration]:
        """Write drafts in one piece, all of them or none; otherwise as `register`."""
        if len(drafts) == 1:
            return [await self.register(principal, application, drafts[0])]
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        for draft in drafts:
            access.require_ownership(principal, draft.owner)
        admitted = [await self._admitted(application, draft) for draft in drafts]
        return await self._store.synchronize(admitted, is_exact=False) if drafts else ()

    async def unregister(
        self,
        principal: Principal,
        application: Application,
        slot: Slot,
        owner: Owner | None,
        *,
        provider: ProviderName | None = None,
        token: str | None = None,
    ) -> Registration | None:
        """Empty a slot; None if nothing filled it. Raises NotPermitted."""
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        access.require_ownership(principal, owner)
        return await self._store.unregister(
            application.id, slot, owner, provider=provider, token=token, now=self._clock.now()
        )

    async def get(
        self, principal: Principal, application: Application, registration_id: Id
    ) -> Registration:
        """Read one; raises NotFound."""
        access.require(principal, Scope.REGISTRATIONS_READ, application)
        registration = await self._store.get(application.id, registration_id)
        if registration is None or not access.owns(principal, registration):
            raise NotFound("registration", spell("registration", registration_id))
        return registration

    async def find(
        self,
        principal: Principal,
        application: Application,
        wanted: RegistrationFilter,
        *,
        after: Id | None,
        limit: int,
    ) -> RegistrationPage:
        """List registrations, at most `limit`; a session sees only its user's."""
        access.require(principal, Scope.REGISTRATIONS_READ, application)
        if isinstance(principal, SessionPrincipal):
            if wanted.external_user_id not in (None, principal.session.external_user_id):
                return RegistrationPage((), None)
            wanted = wanted._replace(external_user_id=None, user_id=principal.session.user_id)
        rows = await self._store.find(application.id, wanted, after=after, limit=limit + 1)
        has_more = len(rows) > limit
        return RegistrationPage(rows[:limit], rows[limit - 1].id if has_more else None)

    async def change(
        self,
        principal: Principal,
        application: Application,
        registration_id: Id,
        changes: Changes,
    ) -> Registration:
        """Change one in place; raises NotFound, InvalidToken, InvalidRequest."""
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        if changes.token is not None:
            check_token(changes.token)
        present = await self.get(principal, application, registration_id)
        changes = self._checked(present, changes)
        changed = await self._store.change(
            application.id, registration_id, changes, now=self._clock.now()
        )
        if changed is None:
            raise NotFound("registration", spell("registration", registration_id))
        return changed

    async def synchronize(
        self,
        principal: Principal,
        application: Application,
        drafts: Sequence[Draft],
        *,
        is_exact: bool,
    ) -> Sequence[Registration]:
        """Give one token to all these drafts' users together.

        The caller vouches for having every user's leave, such as a signed
        token of theirs; who revoked it meanwhile is not among the answers.
        is_exact: whoever else holds the token, as one of the same kind, loses
        it. Raises InvalidToken, NotAuthenticated.
        """
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        admitted = [await self._admitted(application, draft) for draft in drafts]
        return await self._store.synchronize(admitted, is_exact=is_exact) if drafts else ()

    async def page(
        self,
        principal: Principal,
        application: Application,
        wanted: RegistrationFilter,
        window: Window,
    ) -> Listed[Registration]:
        """List registrations by age; their keys are their ids."""
        access.require(principal, Scope.REGISTRATIONS_READ, application)
        if isinstance(principal, SessionPrincipal):
            wanted = wanted._replace(member_id=principal.session.member_id)
        part = await self._store.page(application.id, wanted, window)
        return await self._totals.listed(
            part,
            window,
            (application.id, wanted),
            lambda: self._store.count(application.id, wanted),
        )

    async def of_device(
        self, principal: Principal, application: Application, device_id: str
    ) -> Registration:
        """Read the registration of a device, whichever dialect made it; raises NotFound.

        A registration without a device goes by its own id.
        """
        is_it = Condition(RegistrationField.DEVICE_ID, (device_id,))
        access.require(principal, Scope.REGISTRATIONS_READ, application)
        wanted = RegistrationFilter(conditions=(is_it,))
        if isinstance(principal, SessionPrincipal):
            wanted = wanted._replace(member_id=principal.session.member_id)
        found = await self._store.page(application.id, wanted, _THE_FIRST)
        if not found.items:
            raise NotFound("device", device_id)
        return found.items[0]

    async def has_any(self, principal: Principal, application: Application) -> bool:
        """Say whether there is anybody to send to at all."""
        access.require(principal, Scope.NOTIFICATIONS_SEND, application)
        return bool(await self._store.find(application.id, ANYTHING, after=None, limit=1))

    async def phones_of(
        self,
        principal: Principal,
        application: Application,
        field: RegistrationField,
        names: Sequence[str],
    ) -> Sequence[str]:
        """List the telephone numbers that these devices or users gave, each once.

        field: DEVICE_ID or USER_ID. For senders, who see no registrations.
        """
        access.require(principal, Scope.NOTIFICATIONS_SEND, application)
        phones: dict[str, None] = {}
        for start in range(0, len(names), _NAMES_AT_ONCE):
            some = Condition(field, tuple(names[start : start + _NAMES_AT_ONCE]))
            wanted, after = RegistrationFilter(conditions=(some,)), None
            while True:
                rows = await self._store.find(
                    application.id, wanted, after=after, limit=_ROWS_AT_ONCE
                )
                phones.update((phone, None) for row in rows if (phone := row.phone))
                if len(rows) < _ROWS_AT_ONCE:
                    break
                after = rows[-1].id
        return tuple(phones)

    async def require_new_device(
        self, principal: Principal, application: Application, device_id: str
    ) -> None:
        """Refuse a device that `of_device` finds; raises Conflict.

        For callers to whom a device's id names one registration, whoever made it.
        """
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        is_it = Condition(RegistrationField.DEVICE_ID, (device_id,))
        wanted = RegistrationFilter(conditions=(is_it,))
        if (await self._store.page(application.id, wanted, _THE_FIRST)).items:
            raise Conflict("device", device_id)

    async def remove_of_member(
        self, principal: Principal, application: Application, member_id: Id, origin: str
    ) -> int:
        """Forget what a member registered through one dialect; answer how many."""
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        return await self._store.remove_of_member(
            application.id, member_id, origin, now=self._clock.now()
        )

    async def remove(
        self, principal: Principal, application: Application, registration_id: Id
    ) -> None:
        """Forget one; raises NotFound."""
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        await self.get(principal, application, registration_id)
        removed = await self._store.remove(application.id, registration_id, now=self._clock.now())
        if removed is None:
            raise NotFound("registration", spell("registration", registration_id))

    async def _admitted(self, application: Application, draft: Draft) -> Draft:
        """Refuse what its provider could not reach, and note what a browser's key must be.

        Raises InvalidToken, InvalidRequest.
        """
        check_token(draft.token)
        check_keys(draft.provider, draft.attributes)
        check_quiet_hours(draft.attributes)
        self._check_address(draft.provider, draft.token, draft.attributes)
        if draft.provider is ProviderName.WEBPUSH and self._webpush_keys is not None:
            return await self._webpush_keys.noted(application, draft)
        return draft

    def _checked(self, present: Registration, changes: Changes) -> Changes:
        """Refuse a change after which the provider could reach nothing any more."""
        if changes.token is None and changes.attributes is None:
            return changes
        attributes = present.attributes if changes.attributes is None else changes.attributes
        key = present.attributes.get(Attribute.VAPID_KEY)
        if changes.attributes is not None and key is not None:
            # A subscription is bound to its key for good, whatever is said later.
            attributes = {**attributes, Attribute.VAPID_KEY: key}
            changes = replace(changes, attributes=attributes)
        check_keys(present.provider, attributes)
        if changes.attributes is not None:
            check_quiet_hours(attributes)
        self._check_address(present.provider, changes.token or present.token, attributes)
        return changes

    def _check_address(
        self, provider: ProviderName, token: str, attributes: Mapping[str, Any]
    ) -> None:
        check = self._address_checks.get(provider)
        problems = [] if check is None else [*check(token, attributes)]
        if problems:
            is_token = all(problem.path == ("token",) for problem in problems)
            raise (InvalidToken if is_token else InvalidRequest)(problems)


def check_token(token: str) -> None:
    """Refuse what no provider could have issued; raises InvalidToken."""
    if not token:
        problem = Problem(("token",), ProblemKind.TOO_SHORT, "1 to 4096 characters")
    elif len(token) > MAX_TOKEN_CHARS:
        problem = Problem(("token",), ProblemKind.TOO_LONG, "1 to 4096 characters")
    elif has_control_characters(token):
        expected = "free of control characters and lone surrogates"
        problem = Problem(("token",), ProblemKind.MALFORMED, expected)
    else:
        return
    raise InvalidToken([problem])


def check_keys(provider: ProviderName, attributes: Mapping[str, Any]) -> None:
    """Refuse a browser without the keys that its messages are encrypted for.

    Raises InvalidRequest. Source: RFC 8291 section 3.1.
    """
    if provider is not ProviderName.WEBPUSH:
        return
    problems = [
        Problem(("attributes", key), ProblemKind.MISSING, "the subscription's key")
        for key in (Attribute.P256DH, Attribute.AUTH)
        if not attributes.get(key)
    ]
    if problems:
        raise InvalidRequest(problems)

"""Use cases of registrations: who holds which token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
from heliograph.core.model.listing import Condition, RegistrationField, RegistrationFilter
from heliograph.core.model.registration import Attribute, ProviderName
from heliograph.core.tokens import MAX_TOKEN_CHARS, has_control_characters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.registration import (
        Changes,
        Draft,
        Owner,
        Registration,
        Slot,
    )
    from heliograph.core.ports import Clock
    from heliograph.core.store import RegistryStore


@dataclass(frozen=True, slots=True)
class RegistrationPage:
    """A part of a list. next_after: where the next part begins; None at the end."""

    items: Sequence[Registration]
    next_after: Id | None


class Registrations:
    """Registers, finds, changes and forgets registrations on a caller's behalf."""

    def __init__(self, store: RegistryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def register(
        self, principal: Principal, application: Application, draft: Draft
    ) -> Registration:
        """Write a draft; on return it is durable.

        Raises InvalidToken, InvalidRequest, NotPermitted, Conflict (an occupied
        slot that the draft must not replace), NotAuthenticated (the session
        ended meanwhile).
        """
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        access.require_ownership(principal, draft.owner)
        check_token(draft.token)
        check_keys(draft)
        return await self._store.register(draft)

    async def register_all(
        self, principal: Principal, application: Application, drafts: Sequence[Draft]
    ) -> Sequence[Registration]:
        """Write drafts in one piece, all of them or none; otherwise as `register`."""
        if len(drafts) == 1:
            return [await self.register(principal, application, drafts[0])]
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        for draft in drafts:
            access.require_ownership(principal, draft.owner)
            check_token(draft.token)
            check_keys(draft)
        return await self._store.synchronize(drafts, is_exact=False) if drafts else ()

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
        """Change one in place; raises NotFound, InvalidToken."""
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        if changes.token is not None:
            check_token(changes.token)
        await self.get(principal, application, registration_id)
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
        token of theirs. is_exact: whoever else holds the token, as one of the
        same kind, loses it. Raises InvalidToken, NotAuthenticated.
        """
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        for draft in drafts:
            check_token(draft.token)
        return await self._store.synchronize(drafts, is_exact=is_exact) if drafts else ()

    async def page(
        self,
        principal: Principal,
        application: Application,
        wanted: RegistrationFilter,
        *,
        offset: int,
        limit: int,
    ) -> tuple[Sequence[Registration], int]:
        """List registrations by age from an offset; second, how many there are in all."""
        access.require(principal, Scope.REGISTRATIONS_READ, application)
        if isinstance(principal, SessionPrincipal):
            wanted = wanted._replace(member_id=principal.session.member_id)
        return await self._store.page(application.id, wanted, offset=offset, limit=limit)

    async def of_device(
        self, principal: Principal, application: Application, device_id: str
    ) -> Registration:
        """Read the registration of a device, whichever dialect made it; raises NotFound.

        A registration without a device goes by its own id.
        """
        is_it = Condition(RegistrationField.DEVICE_ID, (device_id,))
        rows, _ = await self.page(
            principal, application, RegistrationFilter(conditions=(is_it,)), offset=0, limit=1
        )
        if not rows:
            raise NotFound("device", device_id)
        return rows[0]

    async def require_new_device(
        self, principal: Principal, application: Application, device_id: str
    ) -> None:
        """Refuse a device that `of_device` finds; raises Conflict.

        For callers to whom a device's id names one registration, whoever made it.
        """
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        is_it = Condition(RegistrationField.DEVICE_ID, (device_id,))
        rows, _ = await self._store.page(
            application.id, RegistrationFilter(conditions=(is_it,)), offset=0, limit=1
        )
        if rows:
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


def check_keys(draft: Draft) -> None:
    """Refuse a browser without the keys that its messages are encrypted for.

    Raises InvalidRequest. Source: RFC 8291 section 3.1.
    """
    if draft.provider is not ProviderName.WEBPUSH:
        return
    problems = [
        Problem(("attributes", key), ProblemKind.MISSING, "the subscription's key")
        for key in (Attribute.P256DH, Attribute.AUTH)
        if not draft.attributes.get(key)
    ]
    if problems:
        raise InvalidRequest(problems)

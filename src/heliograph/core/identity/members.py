"""Use cases of an application's users as the customer's back end sees them.

Their badges, their suspension, and whether there is somebody of that name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.identity.identity import is_user_id
from heliograph.core.model.audience import Users
from heliograph.core.model.identity import Scope
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.registration import ProviderName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heliograph.core.identity.identity import Identity
    from heliograph.core.identity.sessions import Sessions
    from heliograph.core.ids import Id
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal
    from heliograph.core.notifications.notifications import Notifications
    from heliograph.core.ports import Clock
    from heliograph.core.stores.issuers import MemberState, MemberStore

MAX_BADGE = 2**31 - 1


class Members:
    """Reads and changes how users stand in an application."""

    def __init__(
        self,
        store: MemberStore,
        identity: Identity,
        sessions: Sessions,
        notifications: Notifications,
        clock: Clock,
    ) -> None:
        self._store = store
        self._identity = identity
        self._sessions = sessions
        self._notifications = notifications
        self._clock = clock

    async def require_known(
        self, principal: Principal, application: Application, user_id: str
    ) -> None:
        """Let pass an id that one of the application's users has; raises NotFound.

        Any caller of the application may ask.
        """
        access.require_sight(principal, application)
        await self._found(application, user_id)

    async def get(
        self, principal: Principal, application: Application, user_id: str
    ) -> MemberState:
        """Say how a user stands; raises NotFound."""
        access.require(principal, Scope.REGISTRATIONS_READ, application)
        return await self._found(application, user_id)

    async def badges_of(
        self, principal: Principal, application: Application, user_ids: Sequence[str]
    ) -> Mapping[str, int]:
        """Read the badges of those who have one."""
        access.require(principal, Scope.NOTIFICATIONS_SEND, application)
        states = await self._store.member_states(application.id, user_ids)
        return {name: each.badge for name, each in states.items() if each.badge is not None}

    async def ids_of(
        self, principal: Principal, application: Application, user_ids: Sequence[str]
    ) -> Mapping[str, Id]:
        """Answer our ids of users by the customer's; who is no member is left out."""
        access.require(principal, Scope.NOTIFICATIONS_SEND, application)
        if not user_ids:
            return {}
        states = await self._store.member_states(application.id, user_ids)
        return {name: each.user_id for name, each in states.items()}

    async def set_badge(
        self, principal: Principal, application: Application, user_id: str, badge: int
    ) -> None:
        """Put a number on the app's icon, on all of a user's devices at Apple, and remember it.

        The user is made at first sight. Raises InvalidRequest.
        """
        access.require(principal, Scope.NOTIFICATIONS_SEND, application)
        if not 0 <= badge <= MAX_BADGE:
            expected = f"between 0 and {MAX_BADGE}"
            raise InvalidRequest([Problem(("badge",), ProblemKind.NOT_ALLOWED, expected)])
        user = await self._identity.create_user(application, user_id)
        await self._store.set_badge(application.id, user.id, badge)
        await self._notifications.accept(
            principal,
            application,
            Users((user_id,), (ProviderName.APNS,)),
            Content(badge=badge),
            Options(),
        )

    async def suspend(self, principal: Principal, application: Application, user_id: str) -> None:
        """Shut a user out, made at first sight, and end every sign-in of theirs.

        What they registered through those is forgotten, so that their devices
        get nothing any more; their keys open nothing, and what was registered
        through keys is silent until they are let in again. What a back end
        registered for them is its own. Other nodes follow within
        `security.cache_ttl_s`.
        """
        access.require(principal, Scope.SESSIONS_WRITE, application)
        user = await self._identity.create_user(application, user_id)
        # First: whoever signs in meanwhile finds the door shut, or the session is ended below.
        await self._store.set_suspended(application.id, user.id, since=self._clock.now())
        await self._sessions.sign_out(principal, application, user_id)
        self._identity.forget_principals()

    async def resume(self, principal: Principal, application: Application, user_id: str) -> None:
        """Let a user in again; raises NotFound."""
        access.require(principal, Scope.SESSIONS_WRITE, application)
        state = await self._found(application, user_id)
        await self._store.set_suspended(application.id, state.user_id, since=None)

    async def _found(self, application: Application, user_id: str) -> MemberState:
        # Not every database can look for what can be nobody's id.
        names = [user_id] if is_user_id(user_id) else []
        states = await self._store.member_states(application.id, names)
        if user_id not in states:
            raise NotFound("user", user_id)
        return states[user_id]

"""Use cases of a user's sessions: prolonging and ending them, keys and guests."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import (
    NotAuthenticated,
    NotFound,
    QuotaReached,
    Unavailable,
)
from heliograph.core.identity.identity import DEFAULT_TTL, is_user_id, secret_hash
from heliograph.core.model.identity import NEVER, Scope, SessionForm, SessionKind
from heliograph.core.stores.logins import StoredSession

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from heliograph.core.identity.identity import Identity
    from heliograph.core.ids import Id
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import (
        Principal,
        Session,
        SessionPrincipal,
    )
    from heliograph.core.model.registration import MemberKey
    from heliograph.core.ports import Clock, Sealer
    from heliograph.core.stores.logins import SessionStore

MAX_KEYS = 20
"""Keys of one user. Source: docs/dialects/navixy.md, "API keys"."""

MAX_SIGN_INS = 1000
"""Sign-ins of one form that a user may have, when they open another by a password.

Source: docs/decisions/0024-logins.md.
"""

_SHARING = frozenset({SessionForm.DISCORD})
"""Forms whose users sign leave for others to register a phone for them."""

ShownSession = tuple["Session", str]
"""A session with its token, as its form's clients may see it again."""


class Sessions:
    """What a user can do about their sessions. A caller acts for itself alone."""

    def __init__(
        self, store: SessionStore, identity: Identity, sealer: Sealer, clock: Clock
    ) -> None:
        self._store = store
        self._identity = identity
        self._sealer = sealer
        self._clock = clock

    async def renew(
        self, principal: SessionPrincipal, token: str, life: timedelta = DEFAULT_TTL
    ) -> None:
        """Let the caller's sign-in begin anew; what it registered is sent to as long.

        token: its own. Raises NotAuthenticated for what is no sign-in, or is over.
        """
        if principal.session.kind is not SessionKind.SIGN_IN:
            raise NotAuthenticated
        expires_at = self._clock.now() + life
        if not await self._store.prolong(principal.session.id, expires_at):
            raise NotAuthenticated
        self._identity.forget_sessions([secret_hash(token)])

    async def sign_ins_of(self, principal: SessionPrincipal) -> Sequence[Session]:
        """List the caller's sign-ins of the same form that are not over, by age."""
        now = self._clock.now()
        found = await self._of(principal, SessionKind.SIGN_IN)
        return [session for session in found if session.expires_at > now]

    async def require_room(self, member: MemberKey, form: SessionForm) -> None:
        """Let pass who has fewer than MAX_SIGN_INS of a form; raises QuotaReached.

        Somebody who signs in for each call would have a session for each.
        """
        held = await self._store.count_open(
            member.member_id, form, SessionKind.SIGN_IN, now=self._clock.now()
        )
        if held >= MAX_SIGN_INS:
            raise QuotaReached("session", MAX_SIGN_INS)

    async def end_own(self, principal: SessionPrincipal, session_ids: Sequence[Id]) -> None:
        """End sign-ins of the caller with all they registered; others' are left alone."""
        own = {session.id for session in await self._of(principal, SessionKind.SIGN_IN)}
        await self._end([each for each in session_ids if each in own])

    async def end_all(self, application: Application, user_id: Id, form: SessionForm) -> None:
        """End a user's sign-ins and guests of a form, and revoke what was signed for them.

        Keys stay. Source: docs/decisions/0024-logins.md.
        """
        origin = form.value if form in _SHARING else None
        await self._store.revoke(application.id, user_id, origin, now=self._clock.now())
        ending = [
            session.id
            for kind in (SessionKind.SIGN_IN, SessionKind.GUEST)
            for session in await self._store.sessions_of(application.id, user_id, form, kind)
        ]
        await self._end(ending)

    async def sign_out(self, principal: Principal, application: Application, user_id: str) -> None:
        """End all of a user's sign-ins on a back end's word; raises NotPermitted, NotFound.

        user_id: the customer's own. What was signed for them is revoked.
        """
        access.require(principal, Scope.SESSIONS_WRITE, application)
        account_id = application.account_id
        # Not every database can look for what can be nobody's id.
        could_be = is_user_id(user_id)
        user = await self._store.user_named(account_id, user_id) if could_be else None
        if user is None:
            raise NotFound("user", user_id)
        for form in SessionForm:
            await self.end_all(application, user, form)

    async def revocations(self, application_id: Id, user_id: Id) -> int:
        """Say how often all that was signed for a user was revoked."""
        return await self._store.revocations(application_id, user_id)

    async def create_key(
        self, principal: SessionPrincipal, application: Application, label: str
    ) -> ShownSession:
        """Make a key of the caller's: a session that does not end by itself.

        Raises QuotaReached past MAX_KEYS, and NotAuthenticated where the
        caller's session ended meanwhile.
        """
        stored, token = await self._new(principal, application, SessionKind.KEY, label)
        is_added = await self._store.add_shown_session(
            stored, secret_hash(token), maker=principal.session.id, most=MAX_KEYS
        )
        if not is_added:
            raise QuotaReached("session key", MAX_KEYS)
        return stored.session, token

    async def keys_of(self, principal: SessionPrincipal) -> Sequence[ShownSession]:
        """List the caller's keys by age."""
        return await self._shown(principal, SessionKind.KEY)

    async def end_key(self, principal: SessionPrincipal, key: str) -> None:
        """End a key of the caller's with all it registered; raises NotFound."""
        for session, token in await self.keys_of(principal):
            if token == key:
                await self._end([session.id])
                return
        raise NotFound("session key", hashlib.sha256(key.encode()).hexdigest()[:8])

    async def create_guest(
        self, principal: SessionPrincipal, application: Application
    ) -> ShownSession:
        """Make the caller's one session for guests; a former one ends.

        Raises NotAuthenticated where the caller's session ended meanwhile.
        """
        stored, token = await self._new(principal, application, SessionKind.GUEST)
        ended = await self._store.replace_shown_session(
            stored, secret_hash(token), maker=principal.session.id, now=self._clock.now()
        )
        self._identity.forget_sessions(ended)
        return stored.session, token

    async def guest_of(self, principal: SessionPrincipal) -> ShownSession | None:
        """Find the caller's session for guests; None without one."""
        found = await self._shown(principal, SessionKind.GUEST)
        return found[-1] if found else None

    async def _of(self, principal: SessionPrincipal, kind: SessionKind) -> Sequence[Session]:
        own = principal.session
        return await self._store.sessions_of(own.application_id, own.user_id, own.form, kind)

    async def _shown(
        self, principal: SessionPrincipal, kind: SessionKind
    ) -> Sequence[ShownSession]:
        own = principal.session
        return [
            (stored.session, self._opened(stored))
            for stored in await self._store.shown_sessions_of(
                own.application_id, own.user_id, own.form, kind
            )
        ]

    async def _new(
        self,
        principal: SessionPrincipal,
        application: Application,
        kind: SessionKind,
        label: str | None = None,
    ) -> tuple[StoredSession, str]:
        """Make a session whose token is kept, and the token; nothing is written yet."""
        session, token = await self._identity.new_session(
            application,
            access.member_of(principal),
            principal.session.form,
            kind,
            NEVER,
            label,
        )
        sealed = self._sealer.seal(token.encode(), _context(session))
        return StoredSession(session, sealed), token

    def _opened(self, stored: StoredSession) -> str:
        try:
            return self._sealer.unseal(stored.sealed, _context(stored.session)).decode()
        except ValueError as error:
            raise Unavailable("sealing key") from error

    async def _end(self, session_ids: Sequence[Id]) -> None:
        if session_ids:
            ended = await self._store.end_sessions(session_ids, now=self._clock.now())
            self._identity.forget_sessions(ended)


def _context(session: Session) -> bytes:
    """Bind a sealed token to its session, so that rows can't be swapped."""
    return b"session:" + session.id

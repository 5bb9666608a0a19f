"""Use cases of users and sessions, and the answer to "who is calling?"."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from heliograph.core import access
from heliograph.core.cache import TtlCache
from heliograph.core.errors import (
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    Problem,
    ProblemKind,
    Suspended,
)
from heliograph.core.identity import snowflakes
from heliograph.core.ids import Id, new_id, spell
from heliograph.core.model.identity import (
    ClientPrincipal,
    Member,
    Principal,
    Scope,
    Session,
    SessionForm,
    SessionKind,
    SessionPrincipal,
    User,
)
from heliograph.core.model.registration import FreshUser, MemberKey
from heliograph.core.registrations.tokens import has_control_characters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from heliograph.core.aliases import Aliases
    from heliograph.core.model.application import Application
    from heliograph.core.ports import Clock
    from heliograph.core.stores.issuers import MemberStore
    from heliograph.core.stores.store import IdentityStore

MAX_USER_ID_CHARS = 256
MIN_TTL_S = 1
MAX_TTL_S = 31_536_000
DEFAULT_TTL = timedelta(days=30)

_DISCORD_EPOCH_S = 1_293_840_000
"""2011-01-01: login tokens count their age from there. Source: docs/dialects/discord.md."""


class Identity:
    """Mints sessions and tells who holds a credential.

    members: says who is shut out; without it nobody is.
    """

    def __init__(
        self,
        store: IdentityStore,
        clock: Clock,
        aliases: Aliases,
        *,
        cache_ttl_s: float,
        members: MemberStore | None = None,
    ) -> None:
        self._store = store
        self._members = members
        self._clock = clock
        self._aliases = aliases
        self._principals: TtlCache[bytes, Principal] = TtlCache(
            clock.monotonic, size=100_000, ttl_s=cache_ttl_s
        )

    async def client(self, key: str) -> ClientPrincipal:
        """Say which API client holds a key; raises NotAuthenticated."""
        digest = secret_hash(key)
        known = self._principals.get(digest)
        if isinstance(known, ClientPrincipal):
            return known
        client = await self._store.client_by_secret(digest)
        if client is None:
            raise NotAuthenticated
        principal = ClientPrincipal(client)
        self._principals.put(digest, principal)
        return principal

    async def client_of(self, client_id: Id) -> ClientPrincipal:
        """Find an API client that proved itself earlier; raises NotAuthenticated if it is gone."""
        known = self._principals.get(client_id)
        if isinstance(known, ClientPrincipal):
            return known
        client = await self._store.client(client_id)
        if client is None:
            raise NotAuthenticated
        principal = ClientPrincipal(client)
        self._principals.put(client_id, principal)
        return principal

    async def session(self, token: str, form: SessionForm) -> SessionPrincipal:
        """Say whose session a token is; raises NotAuthenticated if it is over.

        A key outlives its user's sign-ins; raises Suspended while they are shut out.
        """
        digest = secret_hash(token)
        known = self._principals.get(digest)
        if not isinstance(known, SessionPrincipal):
            session = await self._store.session_by_token(digest, form)
            if session is None:
                raise NotAuthenticated
            if session.kind is SessionKind.KEY:
                await self._require_no_suspension(session.application_id, session.user_id)
            known = SessionPrincipal(session)
            self._principals.put(digest, known)
        if known.session.form != form or known.session.expires_at <= self._clock.now():
            raise NotAuthenticated
        return known

    async def mint_session(
        self,
        principal: Principal,
        application: Application,
        user_id: str,
        form: SessionForm,
        ttl: timedelta | None,
    ) -> tuple[Session, str]:
        """Sign a user in on a back end's word; otherwise as `create_session`.

        Raises NotPermitted, InvalidRequest.
        """
        access.require(principal, Scope.SESSIONS_WRITE, application)
        return await self.create_session(application, user_id, form, ttl)

    async def create_session(
        self, application: Application, user_id: str, form: SessionForm, ttl: timedelta | None
    ) -> tuple[Session, str]:
        """Sign a user in, made at first sight; answers the session and its token.

        The token is shown only now. Raises InvalidRequest for a user id or a
        life that can't be.
        """
        _check_user_id(user_id)
        life = DEFAULT_TTL if ttl is None else ttl
        if not timedelta(seconds=MIN_TTL_S) <= life <= timedelta(seconds=MAX_TTL_S):
            expected = f"between {MIN_TTL_S} and {MAX_TTL_S} seconds"
            raise InvalidRequest([Problem(("ttl_s",), ProblemKind.NOT_ALLOWED, expected)])
        _, member = await self._store.ensure_member(
            application.account_id, application.id, user_id, now=self._clock.now()
        )
        return await self.open_session(application, member, form, life)

    async def open_session(
        self,
        application: Application,
        member: MemberKey,
        form: SessionForm,
        life: timedelta = DEFAULT_TTL,
    ) -> tuple[Session, str]:
        """Sign a known user in; answers the session and its token, which is shown only now.

        Raises Suspended.
        """
        expires_at = self._clock.now() + life
        session, token = await self.new_session(
            application, member, form, SessionKind.SIGN_IN, expires_at
        )
        await self._store.add_session(session, secret_hash(token))
        await self._require_no_suspension_since(session)
        return session, token

    async def new_session(
        self,
        application: Application,
        member: MemberKey,
        form: SessionForm,
        kind: SessionKind,
        expires_at: datetime,
        label: str | None = None,
    ) -> tuple[Session, str]:
        """Make a session and its token, which are not written yet; raises Suspended."""
        await self._require_admission(application, member.user_id)
        now = self._clock.now()
        session = Session(
            id=new_id(now),
            account_id=application.account_id,
            application_id=application.id,
            user_id=member.user_id,
            member_id=member.member_id,
            form=form,
            created=now,
            expires_at=expires_at,
            external_user_id=member.external_id,
            kind=kind,
            label=label,
        )
        subject = ""
        if form is SessionForm.DISCORD:
            subject = await snowflakes.snowflake_of(
                self._aliases, application.account_id, member.user_id
            )
        return session, new_session_token(form, subject, now)

    async def standing_session(
        self, application: Application, user_id: str, form: SessionForm, mark: str
    ) -> Session:
        """Answer the session that a user has without a token of ours, made at first sight.

        mark: what it is known by; no caller can say it. Raises Suspended.
        """
        _check_user_id(user_id)
        digest, now = secret_hash(mark), self._clock.now()
        _, member = await self._store.ensure_member(
            application.account_id, application.id, user_id, now=now
        )
        expires_at = now + timedelta(seconds=MAX_TTL_S)
        session, _ = await self.new_session(
            application, member, form, SessionKind.SIGN_IN, expires_at
        )
        standing = await self._store.ensure_session(session, digest)
        await self._require_no_suspension_since(standing)
        self._principals.put(digest, SessionPrincipal(standing))
        return standing

    def is_standing(self, mark: str, session_id: Id) -> bool:
        """Say whether a standing session was seen lately, and has not ended here since."""
        known = self._principals.get(secret_hash(mark))
        return isinstance(known, SessionPrincipal) and known.session.id == session_id

    def forget_principals(self) -> None:
        """Believe nobody without asking again: somebody was shut out."""
        self._principals.clear()

    async def _require_admission(self, application: Application, user_id: Id) -> None:
        if application.is_suspended:
            raise Suspended("application")
        await self._require_no_suspension(application.id, user_id)

    async def _require_no_suspension(self, application_id: Id, user_id: Id) -> None:
        if self._members is not None and await self._members.is_suspended(application_id, user_id):
            raise Suspended("user")

    async def _require_no_suspension_since(self, session: Session) -> None:
        """Look again behind a session that was written; end it and raise Suspended.

        Who was shut out between the first look and the writing had their
        sign-ins ended without this one.
        """
        try:
            await self._require_no_suspension(session.application_id, session.user_id)
        except Suspended:
            await self._store.end_session(session.id, now=self._clock.now())
            raise

    async def end_session(self, token: str, form: SessionForm) -> bool:
        """End a session and forget what was registered through it; False if unknown."""
        digest = secret_hash(token)
        session = await self._store.session_by_token(digest, form)
        if session is None:
            return False
        ended = await self._store.end_session(session.id, now=self._clock.now())
        self._principals.forget(digest)
        return ended

    def forget_sessions(self, token_hashes: Iterable[bytes]) -> None:
        """Look at sessions anew that changed or ended in the store."""
        for digest in token_hashes:
            self._principals.forget(digest)

    async def create_user(self, application: Application, user_id: str | None) -> User:
        """Make a user known to an application; finds the one that is there already."""
        if user_id is not None:
            _check_user_id(user_id)
        user, _ = await self._store.ensure_member(
            application.account_id, application.id, user_id, now=self._clock.now()
        )
        return user

    async def user(self, account_id: Id, user_id: Id) -> User:
        """Find a user of an account; raises NotFound."""
        user = await self._store.user(account_id, user_id)
        if user is None:
            raise NotFound("user", spell("user", user_id))
        return user

    async def member_of(self, application: Application, user_id: Id) -> MemberKey:
        """Find a known user as owner of registrations in an application; raises NotFound."""
        member = await self._store.member_of_user(application.id, user_id, now=self._clock.now())
        if member is None:
            raise NotFound("user", spell("user", user_id))
        return member

    async def members_of(self, account_id: Id, user_id: Id) -> Sequence[Member]:
        """List a user's memberships by age."""
        return await self._store.members(account_id, user_id=user_id)

    async def member(self, account_id: Id, member_id: Id) -> Member:
        """Find a membership by its id; raises NotFound."""
        members = await self._store.members(account_id, member_id=member_id)
        if not members:
            raise NotFound("member", spell("member", member_id))
        return members[0]

    def fresh_user(self, account_id: Id) -> FreshUser:
        """Name a user who is made together with their first registration."""
        now = self._clock.now()
        return FreshUser(account_id, new_id(now), new_id(now))

    async def users_of(
        self, account_id: Id | None, *, after: Id | None = None, limit: int = 1000
    ) -> Sequence[User]:
        """List an account's users by age."""
        return await self._store.users(account_id, after=after, limit=limit)

    async def sessions_of(
        self, application_id: Id, *, after: Id | None = None, limit: int = 1000
    ) -> Sequence[Session]:
        """List an application's sessions by age."""
        return await self._store.sessions(application_id, after=after, limit=limit)


def secret_hash(secret: str) -> bytes:
    """Hash a minted secret for look-up.

    Minted secrets carry 128 bits or more, so that a plain hash is enough:
    there is nothing to guess. Passwords are another matter.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def new_session_token(form: SessionForm, subject: str, now: datetime) -> str:
    """Mint a session token in the form a dialect's clients expect.

    Layer: letters, digits and `-_.`. Discord: three base64url parts, the
    first naming the user by the snowflake that is its subject. Navixy: 32
    hexadecimal digits.
    Source: docs/dialects/*.md, "Authentication".
    """
    match form:
        case SessionForm.NATIVE:
            return f"hgs_{secrets.token_urlsafe(32)}"
        case SessionForm.LAYER:
            return secrets.token_urlsafe(48)
        case SessionForm.DISCORD:
            age_s = int(now.timestamp()) - _DISCORD_EPOCH_S
            parts = (
                _b64(subject.encode()),
                _b64(age_s.to_bytes(4, "big")),
                secrets.token_urlsafe(28),
            )
            return ".".join(parts)
        case SessionForm.NAVIXY:
            return secrets.token_hex(16)
        case _:
            assert_never(form)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def is_user_id(user_id: str) -> bool:
    """Say whether a user can be known by this id."""
    return 0 < len(user_id) <= MAX_USER_ID_CHARS and not has_control_characters(user_id)


def _check_user_id(user_id: str) -> None:
    if not is_user_id(user_id):
        expected = f"1 to {MAX_USER_ID_CHARS} printable characters"
        raise InvalidRequest([Problem(("user_id",), ProblemKind.MALFORMED, expected)])

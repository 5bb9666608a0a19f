"""What the domain asks of whatever keeps logins, and sessions beyond signing in.

Every method may raise `Unavailable`; the others it raises are named.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.identity import Login, Session, SessionForm, SessionKind


@dataclass(frozen=True, slots=True)
class StoredLogin:
    """A login with the hash of its password."""

    login: Login
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session with its token, sealed; for forms that show their tokens again."""

    session: Session
    sealed: bytes = field(repr=False)


class LoginStore(Protocol):
    """Names and passwords. name_key: a name as it is compared."""

    async def add_login(self, login: Login, name_key: str, password_hash: str) -> None:
        """Write a login; raises Conflict where the name or the user has one already."""
        ...

    async def login(self, application_id: Id, login_id: Id) -> Login | None: ...
    async def login_by_name(
        self, application_id: Id, form: SessionForm, name_key: str
    ) -> StoredLogin | None: ...
    async def login_of_user(
        self, application_id: Id, form: SessionForm, user_id: Id
    ) -> StoredLogin | None: ...
    async def logins(
        self, application_id: Id, *, after: Id | None, limit: int
    ) -> Sequence[Login]: ...

    async def change_login(
        self,
        login: Login,
        name_key: str,
        password_hash: str | None,
        *,
        held: str | None = None,
    ) -> bool:
        """Write a login's name, and its password if one is given; False if it is gone.

        held: the hash that it must have until now, or else it counts as gone.
        Raises Conflict where the name is another's.
        """
        ...

    async def remove_login(self, application_id: Id, login_id: Id) -> bool: ...


class SessionStore(Protocol):
    """Sessions of users: several of one, prolonged, ended, kept for good."""

    async def prolong(self, session_id: Id, expires_at: datetime) -> bool:
        """Let a session expire later, and what it registered go silent later; False if gone."""
        ...

    async def sessions_of(
        self, application_id: Id, user_id: Id, form: SessionForm, kind: SessionKind
    ) -> Sequence[Session]:
        """List a user's sessions by age."""
        ...

    async def count_open(
        self, member_id: Id, form: SessionForm, kind: SessionKind, *, now: datetime
    ) -> int:
        """Count a member's sessions that are not over."""
        ...

    async def shown_sessions_of(
        self, application_id: Id, user_id: Id, form: SessionForm, kind: SessionKind
    ) -> Sequence[StoredSession]:
        """List a user's sessions whose tokens were kept, by age."""
        ...

    async def add_shown_session(
        self, stored: StoredSession, token_hash: bytes, *, maker: Id, most: int
    ) -> bool:
        """Write a session and its token; False where the user has `most` of the kind.

        maker: the session that asks; raises NotAuthenticated if it is over,
        for what it makes would outlive it.
        """
        ...

    async def replace_shown_session(
        self, stored: StoredSession, token_hash: bytes, *, maker: Id, now: datetime
    ) -> Sequence[bytes]:
        """Write a session in place of the user's others of its form and kind.

        Answers the tokens' hashes of those that end. maker: as above.
        """
        ...

    async def end_sessions(self, session_ids: Sequence[Id], *, now: datetime) -> Sequence[bytes]:
        """End sessions with all they registered; answer their tokens' hashes."""
        ...

    async def user_named(self, account_id: Id, external_id: str) -> Id | None:
        """Find a user by the customer's own id."""
        ...

    async def revocations(self, application_id: Id, user_id: Id) -> int:
        """Say how often all that a user had signed was revoked."""
        ...

    async def revoke(
        self, application_id: Id, user_id: Id, origin: str | None, *, now: datetime
    ) -> None:
        """Revoke all that was signed for a user until now.

        origin: what was registered for them by others through this dialect
        goes as well.
        """
        ...

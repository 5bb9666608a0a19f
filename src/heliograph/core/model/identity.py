"""Who calls: API clients, users, sessions, and the principal they become."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heliograph.core.ids import Id


class Scope(StrEnum):
    """What an API client may do."""

    APPLICATIONS_READ = "applications.read"
    APPLICATIONS_WRITE = "applications.write"
    REGISTRATIONS_READ = "registrations.read"
    REGISTRATIONS_WRITE = "registrations.write"
    SESSIONS_WRITE = "sessions.write"
    NOTIFICATIONS_READ = "notifications.read"
    NOTIFICATIONS_SEND = "notifications.send"


ALL_SCOPES = frozenset(Scope)


class SessionForm(StrEnum):
    """The shape of a session token that a dialect's clients expect."""

    NATIVE = "native"
    LAYER = "layer"
    DISCORD = "discord"
    NAVIXY = "navixy"


@dataclass(frozen=True, slots=True)
class ApiClient:
    """A server-side credential. application_id: None means all of the account's."""

    id: Id
    account_id: Id
    name: str
    scopes: frozenset[Scope]
    created: datetime
    application_id: Id | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A recipient. external_id: the id the customer knows them by."""

    id: Id
    account_id: Id
    external_id: str | None
    created: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """A user in one application."""

    id: Id
    application_id: Id
    user_id: Id


class SessionKind(StrEnum):
    """What a session is good for, and how it ends.

    A sign-in expires, and a changed password ends it; a key does neither; a
    guest may look, and register nothing.
    """

    SIGN_IN = "sign_in"
    KEY = "key"
    GUEST = "guest"


NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""When keys and guests expire."""


@dataclass(frozen=True, slots=True)
class Session:
    """A user's sign-in to one application. label: of a key, what its owner calls it."""

    id: Id
    account_id: Id
    application_id: Id
    user_id: Id
    member_id: Id
    form: SessionForm
    created: datetime
    expires_at: datetime
    external_user_id: str | None = None
    kind: SessionKind = SessionKind.SIGN_IN
    label: str | None = None

    @property
    def silent_after(self) -> datetime | None:
        """Until when what is registered through it is sent to; None: for good."""
        return None if self.kind is SessionKind.KEY else self.expires_at


@dataclass(frozen=True, slots=True)
class Login:
    """A name and a password, by which a user signs in to one application.

    form: of the sessions that it opens. A user has one login per form, and a
    name is one login's, whatever the case of its letters.
    """

    id: Id
    application_id: Id
    form: SessionForm
    name: str
    user_id: Id
    created: datetime
    updated: datetime
    external_user_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClientPrincipal:
    """A back end that proved to be an API client."""

    client: ApiClient

    @property
    def account_id(self) -> Id:
        """The tenant that every query is limited to."""
        return self.client.account_id


@dataclass(frozen=True, slots=True)
class SessionPrincipal:
    """A device or browser that proved to hold a session."""

    session: Session

    @property
    def account_id(self) -> Id:
        """The tenant that every query is limited to."""
        return self.session.account_id


Principal = ClientPrincipal | SessionPrincipal

"""Registrations: which token reaches which user, in which application.

What is made for each registration is a named tuple: a frozen dataclass of
twenty fields takes four times as long to make.
Measured: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from heliograph.core.ids import Id

NO_ATTRIBUTES: Mapping[str, Any] = MappingProxyType({})


class ProviderName(StrEnum):
    """Who carries a message to the device."""

    APNS = "apns"
    FCM = "fcm"
    WEBPUSH = "webpush"
    WNS = "wns"
    SMS = "sms"


class Environment(StrEnum):
    """Apple's two worlds; a token belongs to one of them."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"


class TokenKind(StrEnum):
    """What a token may be used for. `everyone` means kind alert."""

    ALERT = "alert"
    VOIP = "voip"
    LIVE_ACTIVITY = "live_activity"


class Claim(StrEnum):
    """Whether a token may be held by one slot or by many."""

    EXCLUSIVE = "exclusive"
    SHARED = "shared"


class IfExists(StrEnum):
    """What a registration does to one that already fills its slot."""

    REPLACE = "replace"
    REFUSE = "refuse"


class IfFull(StrEnum):
    """What happens when a member holds as many registrations as allowed."""

    EVICT = "evict"
    REFUSE = "refuse"


class RegistrationState(StrEnum):
    """Whether a living registration is sent to."""

    ACTIVE = "active"
    DISABLED = "disabled"


class DepartureReason(StrEnum):
    """Why a registration is no longer among the living."""

    UNREGISTERED = "unregistered"
    DISPLACED = "displaced"
    REPLACED = "replaced"
    EVICTED = "evicted"
    SESSION_ENDED = "session_ended"
    TOKEN_GONE = "token_gone"  # noqa: S105 - a reason


class Attribute(StrEnum):
    """Attributes that the product itself reads; a registration may carry others."""

    BUNDLE_ID = "bundle_id"
    SENDER_ID = "sender_id"
    PHONE = "phone"
    USER_AGENT = "user_agent"
    LOCALE = "locale"
    TIME_ZONE = "time_zone"
    QUIET_HOURS = "quiet_hours"
    OS_VERSION = "os_version"
    APP_VERSION = "app_version"
    CATEGORIES = "categories"
    CATEGORY_FILTER = "category_filter"
    P256DH = "p256dh"
    AUTH = "auth"
    VAPID_KEY = "vapid_key"
    TOKEN_FORM = "token_form"  # noqa: S105 - an attribute


class UserKey(NamedTuple):
    """A user by the customer's own id; made at first sight."""

    account_id: Id
    external_id: str


class MemberKey(NamedTuple):
    """A user that is already known, as member of an application."""

    user_id: Id
    member_id: Id
    external_id: str | None = None


class FreshUser(NamedTuple):
    """A user without a customer's id, made with their first registration."""

    account_id: Id
    user_id: Id
    member_id: Id


Owner = UserKey | MemberKey | FreshUser


class Slot(NamedTuple):
    """What a new registration replaces.

    A slot is the device (`device_id`), the session, or the user with either
    the device or the very token. Which parts count is the dialect's choice:
    the table in docs/decisions/0004-slots-and-claims.md. kind: of a slot by
    token, where one token may stand there once for each kind.
    """

    by_user: bool = False
    device_id: str | None = None
    session_id: Id | None = None
    by_token: bool = False
    kind: TokenKind = TokenKind.ALERT


class Draft(NamedTuple):
    """A registration as asked for.

    owner: whose phone it is, if anyone's. member_limit: how many
    registrations of this origin a member may hold; past it the least
    recently refreshed leaves, or the draft is refused. labels: tags that a
    new registration is subscribed to. assumed: attributes to be taken where
    neither the draft nor a living registration of the same token says them.
    keeps_session: a session that is not over stays in charge of what it
    registered. silent_with_session: it goes silent when its session ends, as
    that stands when it is written: it may have been renewed since
    `silent_after` was read. leave: how often all that the owner signed had
    been revoked when their leave was read; it is not made once that happened
    again. arrived_at: aware UTC; becomes `refreshed`.
    """

    application_id: Id
    slot: Slot
    provider: ProviderName
    token: str
    arrived_at: datetime
    origin: str
    claim: Claim = Claim.EXCLUSIVE
    if_exists: IfExists = IfExists.REPLACE
    kind: TokenKind = TokenKind.ALERT
    owner: Owner | None = None
    session_id: Id | None = None
    keeps_session: bool = False
    device_id: str | None = None
    environment: Environment | None = None
    attributes: Mapping[str, Any] = NO_ATTRIBUTES
    assumed: Mapping[str, Any] = NO_ATTRIBUTES
    silent_after: datetime | None = None
    silent_with_session: bool = False
    leave: int | None = None
    member_limit: int | None = None
    if_full: IfFull = IfFull.EVICT
    labels: tuple[str, ...] = ()


class Registration(NamedTuple):
    """One living registration.

    slot: 16 bytes, the hash of the application and what it replaces; its
    last byte is the bucket, and also the last byte of `id`.
    refreshed: when the device last said that this token is its own.
    silent_after: no push is sent past this instant. shared: more than one
    slot may hold the token.
    """

    id: Id
    application_id: Id
    slot: bytes
    provider: ProviderName
    token: str
    token_hash: bytes
    origin: str
    created: datetime
    refreshed: datetime
    kind: TokenKind = TokenKind.ALERT
    claim: Claim = Claim.EXCLUSIVE
    user_id: Id | None = None
    external_user_id: str | None = None
    member_id: Id | None = None
    session_id: Id | None = None
    device_id: str | None = None
    environment: Environment | None = None
    attributes: Mapping[str, Any] = NO_ATTRIBUTES
    silent_after: datetime | None = None
    shared: bool = False
    state: RegistrationState = RegistrationState.ACTIVE

    @property
    def bucket(self) -> int:
        """The partition it lives in, 0 to 255."""
        return self.id[-1]

    @property
    def phone(self) -> str | None:
        """The telephone number that reaches its device, if one was given."""
        if self.provider is ProviderName.SMS:
            return self.token
        phone = self.attributes.get(Attribute.PHONE)
        return phone if isinstance(phone, str) and phone else None


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """Whose a registration becomes; None for nobody's."""

    owner: Owner | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a PATCH may change; None leaves a value as it is."""

    token: str | None = None
    environment: Environment | None = None
    attributes: Mapping[str, Any] | None = None
    state: RegistrationState | None = None
    owner: OwnerChange | None = None


def token_hash(provider: str, token: str) -> bytes:
    """Hash a provider's token to the 16 bytes under which it is looked up."""
    return hashlib.sha256(f"{provider}\0{token}".encode()).digest()[:16]

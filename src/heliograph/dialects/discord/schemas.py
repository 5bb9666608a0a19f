"""Discord's bodies, in Discord's spelling."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from heliograph.core.errors import ProblemKind
from heliograph.core.registrations.tokens import MAX_TOKEN_CHARS
from heliograph.web.schemas import Items, Label, Schema, Token, custom_error

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_ACCOUNTS = 25
"""Different sync tokens in one call: clients know a handful of accounts, we a bound."""

MAX_SYNC_TOKENS = 100
"""Sync tokens in one call, repeated ones included."""

MAX_SESSIONS = 64
"""Sessions that one call may log out."""

MAX_PASSWORD_CHARS = 72
MIN_PASSWORD_CHARS = 8

Provider = Literal[
    "gcm",
    "apns",
    "apns_internal",
    "apns_local",
    "apns_voip",
    "apns_internal_voip",
    "apns_local_voip",
    "meta_horizon",
]
VoipProvider = Literal["apns_voip", "apns_internal_voip", "apns_local_voip"]


def _not_blank(token: str) -> str:
    if token.isspace():
        raise custom_error(ProblemKind.TOO_SHORT, f"between 1 and {MAX_TOKEN_CHARS} in length")
    return token


def _not_more_than(most: int) -> Callable[[Any], Any]:
    """Refuse an array before its items are looked at: each of ten thousand would be a problem."""

    def check(items: Any) -> Any:
        if isinstance(items, list) and len(items) > most:
            raise custom_error(ProblemKind.TOO_MANY, f"{most} or fewer in length")
        return items

    return check


def _not_too_many(items: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(items)) > MAX_ACCOUNTS:
        raise custom_error(ProblemKind.TOO_MANY, f"{MAX_ACCOUNTS} or fewer in length")
    return items


Password = Annotated[str, Field(min_length=MIN_PASSWORD_CHARS, max_length=MAX_PASSWORD_CHARS)]
DeviceToken = Annotated[Token, AfterValidator(_not_blank)]


class _Body(Schema):
    """Unknown fields are ignored, and null means absent: clients log out with nulls."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: inner for name, inner in value.items() if inner is not None}
        return value


class Device(_Body):
    """The body of `DELETE /users/@me/devices`, and the part that all share."""

    provider: Provider
    token: DeviceToken


class Described(_Body):
    """What a client tells about itself beside its token."""

    bypass_server_throttling_supported: bool = False
    bundle_id: Label | None = None


class NewDevice(Device, Described):
    """The body of `POST /users/@me/devices`."""

    voip_provider: VoipProvider | None = None
    voip_token: DeviceToken | None = None


class Synchronization(Device, Described):
    """The body of `PUT /users/@me/devices/sync`."""

    push_sync_tokens: Annotated[
        Items[str], BeforeValidator(_not_more_than(MAX_SYNC_TOKENS)), AfterValidator(_not_too_many)
    ]


class LogIn(_Body):
    """The body of `POST /auth/login`, of which other fields change nothing here."""

    login: Label
    password: Password


class LogOut(_Body):
    """The body of `POST /auth/logout`: whose tokens are forgotten as well."""

    provider: Provider | None = None
    token: DeviceToken | None = None
    voip_provider: VoipProvider | None = None
    voip_token: DeviceToken | None = None


class Profile(_Body):
    """The body of `PATCH /users/@me`, as far as it is served."""

    new_password: Password | None = None
    password: Annotated[Label | None, Field(validate_default=True)] = None
    push_provider: Provider | None = None
    push_token: DeviceToken | None = None
    push_voip_provider: VoipProvider | None = None
    push_voip_token: DeviceToken | None = None

    @field_validator("password")
    @classmethod
    def _is_there_to_be_changed(cls, value: str | None, known: ValidationInfo) -> str | None:
        """Ask for the password of whoever wants a new one."""
        if value is None and known.data.get("new_password") is not None:
            raise custom_error(ProblemKind.MISSING, "present")
        return value


class SessionsLogOut(_Body):
    """The body of `POST /auth/sessions/logout`."""

    session_id_hashes: Annotated[
        Items[str], Field(min_length=1), BeforeValidator(_not_more_than(MAX_SESSIONS))
    ]


class UserSettings(Schema):
    """What the client is set to, as far as anybody asks."""

    locale: str = "en-US"
    theme: str = "dark"


class LoggedIn(Schema):
    """The answer to `POST /auth/login`."""

    user_id: str
    token: str
    user_settings: UserSettings = UserSettings()


class CurrentUser(Schema):
    """The answer to `GET /users/@me`, and with `token` to `PATCH /users/@me`."""

    id: str
    username: str
    discriminator: str = "0"
    global_name: str | None = None
    avatar: str | None = None
    email: str | None = None
    phone: str | None = None
    verified: bool = True
    mfa_enabled: bool = False
    locale: str = "en-US"
    premium_type: int = 0
    flags: int = 0
    public_flags: int = 0
    bio: str = ""
    token: str | None = None


class ClientDescription(Schema):
    """What a session's client is: nobody here asks it."""

    os: str | None = None
    platform: str | None = None
    location: str | None = None


class AuthSession(Schema):
    """One of the caller's sessions."""

    id_hash: str
    approx_last_used_time: datetime
    client_info: ClientDescription = ClientDescription()


class AuthSessions(Schema):
    """The answer to `GET /auth/sessions`."""

    user_sessions: Items[AuthSession]


class SyncToken(Schema):
    """The answer to `GET /users/@me/devices/sync-token`."""

    token: str


class Synchronized(Schema):
    """The answer to `PUT /users/@me/devices/sync`."""

    invalid_push_sync_tokens: Items[str]

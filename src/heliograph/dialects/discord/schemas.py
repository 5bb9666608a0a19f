"""Discord's bodies, in Discord's spelling."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, model_validator

from heliograph.core.errors import ProblemKind
from heliograph.core.tokens import MAX_TOKEN_CHARS
from heliograph.web.schemas import Items, Label, Schema, Token, custom_error

MAX_ACCOUNTS = 25
"""Different sync tokens in one call: clients know a handful of accounts, we a bound."""

MAX_SYNC_TOKENS = 100
"""Sync tokens in one call, repeated ones included."""

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


def _not_too_long(items: Any) -> Any:
    # Before the items are looked at: each of ten thousand would be a problem.
    if isinstance(items, list) and len(items) > MAX_SYNC_TOKENS:
        raise custom_error(ProblemKind.TOO_MANY, f"{MAX_SYNC_TOKENS} or fewer in length")
    return items


def _not_too_many(items: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(items)) > MAX_ACCOUNTS:
        raise custom_error(ProblemKind.TOO_MANY, f"{MAX_ACCOUNTS} or fewer in length")
    return items


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


class _Described(Device):
    """What a client tells about itself beside its token."""

    bypass_server_throttling_supported: bool = False
    bundle_id: Label | None = None


class NewDevice(_Described):
    """The body of `POST /users/@me/devices`."""

    voip_provider: VoipProvider | None = None
    voip_token: DeviceToken | None = None


class Synchronization(_Described):
    """The body of `PUT /users/@me/devices/sync`."""

    push_sync_tokens: Annotated[
        Items[str], BeforeValidator(_not_too_long), AfterValidator(_not_too_many)
    ]


class SyncToken(Schema):
    """The answer to `GET /users/@me/devices/sync-token`."""

    token: str


class Synchronized(Schema):
    """The answer to `PUT /users/@me/devices/sync`."""

    invalid_push_sync_tokens: Items[str]

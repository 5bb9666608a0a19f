"""Registrations.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from heliograph.core.errors import ProblemKind
from heliograph.core.model.registration import (
    Claim,
    Environment,
    IfExists,
    ProviderName,
    RegistrationState,
    TokenKind,
)
from heliograph.core.notifications.checks import MAX_LISTED
from heliograph.dialects.native.schemas.paging import PageQuery
from heliograph.web.schemas import Choice, Items, Label, Schema, Text, Token, custom_error

if TYPE_CHECKING:
    from pydantic.config import JsonDict

MAX_ATTRIBUTES = 64
MAX_ATTRIBUTE_NAME_CHARS = 64
MAX_TEXT_CHARS = 4096
MAX_KEY_CHARS = 256
MAX_TIME_MS = 253_402_300_799_000
"""The last second of the year 9999."""

WEBPUSH = ProviderName.WEBPUSH
AttributeValue = Annotated[Text, Field(max_length=MAX_TEXT_CHARS)]


class Attributes(Schema):
    """What the app tells about a device: `categories`, and any other keys as strings."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, AttributeValue] = Field(init=False)

    categories: Annotated[Items[Label], Field(max_length=MAX_LISTED)] = ()

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        names = self.model_extra or {}
        if len(names) > MAX_ATTRIBUTES:
            raise custom_error(ProblemKind.TOO_MANY, f"at most {MAX_ATTRIBUTES} keys")
        if any(not 0 < len(name) <= MAX_ATTRIBUTE_NAME_CHARS for name in names):
            expected = f"keys of 1 to {MAX_ATTRIBUTE_NAME_CHARS} characters"
            raise custom_error(ProblemKind.TOO_LONG, expected)
        return self


class SubscriptionKeys(Schema):
    """A subscription's keys in base64url. Others may stand beside them."""

    model_config = ConfigDict(extra="ignore")

    p256dh: Annotated[Text, Field(max_length=MAX_KEY_CHARS)]
    auth: Annotated[Text, Field(max_length=MAX_KEY_CHARS)]


class PushSubscription(Schema):
    """A browser's `PushSubscription`, as its `toJSON()` gives it."""

    model_config = ConfigDict(extra="ignore")

    endpoint: Token
    keys: SubscriptionKeys
    expiration_time: Annotated[
        float | None, Field(alias="expirationTime", ge=0, le=MAX_TIME_MS, allow_inf_nan=False)
    ] = None


_EITHER: JsonDict = {
    "oneOf": [
        {
            "required": ["token"],
            "properties": {"token": {"type": "string"}, "subscription": {"type": "null"}},
        },
        {
            "required": ["subscription"],
            "properties": {
                "subscription": {"type": "object"},
                "token": {"type": "null"},
                "provider": {"const": "webpush"},
            },
        },
    ]
}


class RegistrationBody(Schema):
    """POST …/registrations. subscription: of a browser, in place of token and keys."""

    model_config = ConfigDict(json_schema_extra=_EITHER)

    provider: Choice[ProviderName]
    subscription: PushSubscription | None = None
    token: Annotated[Token | None, Field(validate_default=True)] = None
    user_id: Label | None = None
    device_id: Label | None = None
    environment: Choice[Environment] | None = None
    kind: Choice[TokenKind] = TokenKind.ALERT
    claim: Choice[Claim] = Claim.EXCLUSIVE
    if_exists: Choice[IfExists] = IfExists.REPLACE
    attributes: Attributes = Attributes()

    @field_validator("subscription")
    @classmethod
    def _is_of_a_browser(
        cls, value: PushSubscription | None, known: ValidationInfo
    ) -> PushSubscription | None:
        if value is not None and known.data.get("provider", WEBPUSH) is not WEBPUSH:
            raise custom_error(ProblemKind.NOT_ALLOWED, "absent: only webpush has subscriptions")
        return value

    @field_validator("token")
    @classmethod
    def _is_said_once(cls, value: str | None, known: ValidationInfo) -> str | None:
        # One that is wrong in itself is missing here, and named already.
        subscription = known.data.get("subscription", value)
        if value is None and subscription is None and "subscription" in known.data:
            raise custom_error(ProblemKind.MISSING, "present")
        if value is not None and isinstance(subscription, PushSubscription):
            expected = "absent: the subscription's endpoint is the token"
            raise custom_error(ProblemKind.NOT_ALLOWED, expected)
        return value


class RegistrationChanges(Schema):
    """PATCH …/registrations/{id}. attributes: replace all that were there."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    token: Token | None = None
    environment: Choice[Environment] | None = None
    attributes: Attributes | None = None
    state: Choice[RegistrationState] | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            expected = "an object with token, environment, attributes or state"
            raise custom_error(ProblemKind.MISSING, expected)
        return self


class RegistrationQuery(PageQuery):
    """Which registrations to list."""

    user_id: Label | None = None
    device_id: Label | None = None
    provider: Choice[ProviderName] | None = None


class Registration(Schema):
    """A registration as it is shown."""

    id: str
    user_id: str | None
    device_id: str | None
    provider: ProviderName
    token: str
    environment: Environment | None
    kind: TokenKind
    attributes: dict[str, Any]
    created: datetime
    refreshed: datetime
    state: RegistrationState
    shared: bool


class RegistrationList(Schema):
    """A part of the registrations. next: the cursor of the next part."""

    items: tuple[Registration, ...]
    next: str | None

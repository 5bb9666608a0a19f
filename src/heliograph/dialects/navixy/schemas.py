"""Navixy's parameters, in Navixy's spelling."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from heliograph.core.errors import InvalidRequest, ProblemKind
from heliograph.web.bodies import parse_json
from heliograph.web.schemas import Items, Label, Schema, Token, custom_error

ALL_CATEGORIES = "*"
BROWSER = "w3c_pushapi"
MAX_PASSWORD_CHARS = 40
MAX_TITLE_CHARS = 255


def _not_blank(text: str) -> str:
    if not text.strip():
        raise custom_error(ProblemKind.TOO_SHORT, "more than blanks")
    return text


def _all_for_blank(value: object) -> object:
    return ALL_CATEGORIES if isinstance(value, str) and not value.strip() else value


SubscriptionKey = Annotated[str, Field(pattern="^[A-Za-z0-9_+/-]+=*$", max_length=256)]
"""A key of a browser's subscription, in Base64 of either alphabet."""


class SubscriptionKeys(Schema):
    """The keys that a browser makes for a subscription. Others may stand beside them."""

    model_config = ConfigDict(extra="ignore")

    p256dh: SubscriptionKey
    auth: SubscriptionKey


class PushToken(Schema):
    """The parameters of `bind`. Unknown ones are ignored, `hash` among them."""

    model_config = ConfigDict(extra="ignore")

    application: Literal["navixy_iphone_viewer", "navixy_android_viewer", "w3c_pushapi"]
    token: Annotated[Token, AfterValidator(_not_blank)]
    category_filter: Annotated[Label, BeforeValidator(_all_for_blank)] = ALL_CATEGORIES
    parameters: Annotated[SubscriptionKeys | None, Field(validate_default=True)] = None

    @field_validator("parameters", mode="before")
    @classmethod
    def _of_browsers_alone(cls, value: Any, known: ValidationInfo) -> Any:
        """Ask browsers for their keys, as an object or its JSON text; ignore all others'."""
        if known.data.get("application") != BROWSER:
            return None
        if isinstance(value, str):
            value = _object_of(value)
        if value is None:
            raise custom_error(ProblemKind.MISSING, "present")
        return value


def _object_of(text: str) -> Any:
    try:
        return parse_json(text.encode())
    except InvalidRequest:
        raise custom_error(ProblemKind.MALFORMED, "an object, or its JSON text") from None


class SignIn(Schema):
    """The parameters of `auth`. Unknown ones are ignored, `dealer_id` among them."""

    model_config = ConfigDict(extra="ignore")

    login: Label
    password: Annotated[Label, Field(max_length=MAX_PASSWORD_CHARS)]


class NewKey(Schema):
    """The parameters of `create`. Unknown ones are ignored, `hash` among them."""

    model_config = ConfigDict(extra="ignore")

    title: Annotated[Label, Field(max_length=MAX_TITLE_CHARS), AfterValidator(_not_blank)]


class KnownKey(Schema):
    """The parameters of `delete`, of an API key. Unknown ones are ignored."""

    model_config = ConfigDict(extra="ignore")

    key: Label


class Done(Schema):
    """The answer to everything that succeeds and has nothing to say."""

    success: Literal[True] = True


class SignedIn(Done):
    """The answer to `auth`."""

    type: Literal["authenticated"] = "authenticated"
    hash: str


class GuestAnswer(Done):
    """The answer about a delivery session: its hash."""

    value: str


class Key(Schema):
    """An API key."""

    hash: str
    create_date: str
    title: str


class KeyAnswer(Done):
    """The answer to `create`, of an API key."""

    value: Key


class KeyList(Done):
    """The answer to `list`, of API keys."""

    list: Items[Key]


class UserInfo(Schema):
    """Who calls."""

    id: int
    login: str
    title: str
    verified: bool = True


class UserAnswer(Done):
    """The answer to `get_info`."""

    paas_id: int = 1
    paas_settings: dict[str, str] = Field(default_factory=dict)
    user_info: UserInfo
    features: Items[str] = ()

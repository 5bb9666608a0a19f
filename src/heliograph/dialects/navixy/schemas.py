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
from heliograph.web.schemas import Label, Schema, Token, custom_error

ALL_CATEGORIES = "*"
BROWSER = "w3c_pushapi"


def _not_blank(text: str) -> str:
    if not text.strip():
        raise custom_error(ProblemKind.TOO_SHORT, "more than blanks")
    return text


def _all_for_blank(value: object) -> object:
    return ALL_CATEGORIES if isinstance(value, str) and not value.strip() else value


Key = Annotated[str, Field(pattern="^[A-Za-z0-9_+/-]+=*$", max_length=256)]
"""A key of a browser's subscription, in Base64 of either alphabet."""


class SubscriptionKeys(Schema):
    """The keys that a browser makes for a subscription. Others may stand beside them."""

    model_config = ConfigDict(extra="ignore")

    p256dh: Key
    auth: Key


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


class Done(Schema):
    """The answer to everything that succeeds and has nothing to say."""

    success: Literal[True] = True

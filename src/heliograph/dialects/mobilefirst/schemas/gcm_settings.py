"""What a message says to Android alone: `settings.gcm`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from heliograph.core.errors import ProblemKind
from heliograph.dialects.mobilefirst.schemas.apns_settings import Payload
from heliograph.dialects.mobilefirst.schemas.wire import CAPITALS, SMALL, Flag, Wire
from heliograph.web.schemas import Int64, Items, Text, custom_error

Count = Annotated[Int64, Field(ge=0)]

Priority = Literal["max", "high", "default", "low", "min"]
Visibility = Literal["public", "private", "secret"]
Category = Literal[
    "call",
    "alarm",
    "email",
    "err",
    "event",
    "msg",
    "progress",
    "promo",
    "recommendation",
    "service",
    "social",
    "status",
    "transport",
]
Colour = Literal[
    "BLACK",
    "DARKGRAY",
    "GRAY",
    "LIGHTGRAY",
    "WHITE",
    "RED",
    "GREEN",
    "BLUE",
    "YELLOW",
    "CYAN",
    "MAGENTA",
    "TRANSPARENT",
]
StyleKind = Literal["PICTURE_NOTIFICATION", "INBOX_NOTIFICATION", "BIGTEXT_NOTIFICATION"]


class Lights(Wire):
    """How the device's light blinks."""

    led_argb: Annotated[Colour, CAPITALS] | None = None
    led_on_ms: Count | None = None
    led_off_ms: Count | None = None


class Style(Wire):
    """An expanded notification. Its kind has one name in the reference and another in SDKs."""

    notification_type: Annotated[
        Annotated[StyleKind, CAPITALS] | None, Field(alias="notification_type")
    ] = None
    type: Annotated[Annotated[StyleKind, CAPITALS] | None, Field(validate_default=True)] = None
    title: Text | None = None
    text: Text | None = None
    lines: Items[Text] | None = None
    url: Text | None = None

    @field_validator("type")
    @classmethod
    def _has_one(cls, value: str | None, info: object) -> str | None:
        # Absent from what was read so far means refused: that has been said.
        known = getattr(info, "data", {})
        if value is None and known.get("notification_type", "") is None:
            raise custom_error(ProblemKind.MISSING, "present")
        return value


class GcmSettings(Wire):
    """Source: docs/dialects/mobilefirst.md, "Settings of a message"."""

    payload: Payload = None
    sound: Text | None = None
    delay_while_idle: Flag | None = None
    time_to_live: Annotated[float, Field(ge=0)] | None = None
    collapse_key: Text | None = None
    priority: Annotated[Priority, SMALL] | None = None
    visibility: Annotated[Visibility, SMALL] | None = None
    redact: Text | None = None
    category: Annotated[Category, SMALL] | None = None
    interactive_category: Text | None = None
    bridge: Flag | None = None
    sync: Flag | None = None
    lights: Lights | None = None
    style: Style | None = None
    type: Annotated[Literal["DEFAULT", "SILENT"], CAPITALS] | None = None
    icon: Text | None = None
    android_title: Text | None = None
    group_id: Text | None = None

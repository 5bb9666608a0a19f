"""Bodies of device registrations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from heliograph.core.errors import ProblemKind
from heliograph.dialects.mobilefirst.schemas.wire import (
    Line,
    Name,
    PageInfo,
    PositionedQuery,
    UserId,
    Wire,
)
from heliograph.web.schemas import Token, custom_error

Platform = Literal["A", "G", "W", "M", "WEB_CHROME", "WEB_FIREFOX", "WEB_SAFARI"]
"""Apple, Google, Windows, of which one page prints M for the last; and the Cloud's browsers."""


class DeviceBody(Wire):
    """The body of `POST …/devices`. A device without a token has a telephone number alone."""

    device_id: Name
    platform: Platform
    phone_number: Line | None = None
    token: Annotated[Token | None, Field(validate_default=True)] = None
    user_id: UserId | None = None

    @field_validator("token", mode="before")
    @classmethod
    def _is_none_if_empty(cls, token: object) -> object:
        """Read the empty token that clients send of a telephone as none."""
        return None if token == "" else token

    @field_validator("token")
    @classmethod
    def _has_address(cls, token: str | None, info: ValidationInfo) -> str | None:
        # Absent from what was read so far means refused: that has been said.
        if token is None and info.data.get("phone_number", "refused") in (None, ""):
            raise custom_error(ProblemKind.MISSING, "present, or phoneNumber")
        return token


class DeviceChanges(Wire):
    """The body of `PUT …/devices/{deviceId}`; what is absent or null stays as it is."""

    device_id: Name | None = None
    token: Token | None = None
    platform: Platform | None = None
    phone_number: Line | None = None
    user_id: UserId | None = None


class DeviceQuery(PositionedQuery):
    """The query of `GET …/devices`."""

    user_id: UserId | None = None


class Device(Wire):
    """A device registration, as every answer shows it. What is None is left out."""

    device_id: str
    href: str | None = None
    phone_number: str | None = None
    platform: str
    token: str
    user_id: str
    user_agent: str | None = None
    created_mode: str | None = None
    created_time: str | None = None
    last_updated_time: str | None = None


class DeviceList(Wire):
    """A page of devices."""

    devices: tuple[Device, ...]
    page_info: PageInfo

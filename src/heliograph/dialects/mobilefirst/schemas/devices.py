"""Bodies of device registrations."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import field_validator, model_validator

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
    token: Token | None = None
    platform: Platform
    phone_number: Line | None = None
    user_id: UserId | None = None

    @field_validator("token", mode="before")
    @classmethod
    def _is_none_if_empty(cls, token: object) -> object:
        """Read the empty token that clients send of a telephone as none."""
        return None if token == "" else token

    @model_validator(mode="after")
    def _has_address(self) -> Self:
        if self.token is None and not self.phone_number:
            raise custom_error(ProblemKind.MISSING, "an object with token or phoneNumber")
        return self


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

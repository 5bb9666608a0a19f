"""Bodies of device registrations."""

from __future__ import annotations

from typing import Literal

from heliograph.dialects.mobilefirst.schemas.wire import (
    Line,
    Name,
    PageInfo,
    PageQuery,
    UserId,
    Wire,
)
from heliograph.web.schemas import Token

Platform = Literal["A", "G", "W", "M"]
"""Apple, Google, Windows; one page prints M for the last."""


class DeviceBody(Wire):
    """The body of `POST …/devices`."""

    device_id: Name
    token: Token
    platform: Platform
    phone_number: Line | None = None
    user_id: UserId | None = None


class DeviceChanges(Wire):
    """The body of `PUT …/devices/{deviceId}`; what is absent or null stays as it is."""

    device_id: Name | None = None
    token: Token | None = None
    platform: Platform | None = None
    phone_number: Line | None = None
    user_id: UserId | None = None


class DeviceQuery(PageQuery):
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

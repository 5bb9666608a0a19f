"""Device registrations on the wire."""

from __future__ import annotations

from typing import Literal

from heliograph.dialects.twilio.schemas.wire import (
    Answer,
    AppName,
    OptionalUserId,
    PageQuery,
    Pagination,
    Provider,
    PushUserId,
    Question,
)
from heliograph.web.schemas import Items, Token


class RegisterDevice(Question):
    """The body of `POST …/DeviceRegistrations`."""

    app_name: AppName
    token: Token
    provider: Provider
    user_id: OptionalUserId = None


class DeviceRegistrationQuery(PageQuery):
    """The query of `GET …/DeviceRegistrations`."""

    user_id: PushUserId
    app_name: AppName | None = None


class Device(Answer):
    """One device of a registration."""

    token: str
    provider: Provider


class Related(Answer):
    """Something that a resource belongs to."""

    name: Literal["PUSH_NOTIFICATION_APP", "PUSH_NOTIFICATION_USER"]
    id: str
    uri: str


class DeviceRegistration(Answer):
    """The devices of one user in one App."""

    id: str
    app_name: str
    user_id: str
    devices: Items[Device]
    related: Items[Related]


class DeviceRegistrations(Answer):
    """A page of device registrations."""

    device_registrations: Items[DeviceRegistration]
    pagination: Pagination

"""Twilio's bodies and queries, in Twilio's spelling: camelCase on the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from heliograph.core.errors import ProblemKind
from heliograph.web.schemas import Items, Schema, Token, custom_error

Provider = Literal["APN", "FCM"]

AppName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9_]+$")]
"""What an application is called here; the App's id as well."""

PushUserId = Annotated[
    str, Field(pattern=r"^comms_pushnotificationuser_[0-7][a-hjkmnpqrstv-z0-9]{25,34}")
]
"""A user's id. The published pattern leaves its end open, and so do we."""

MAX_PAGE_SIZE = 1000
DEFAULT_PAGE_SIZE = 50


def _no_null(value: object) -> object:
    if value is None:
        raise custom_error(ProblemKind.WRONG_TYPE, "a string, or absent")
    return value


OptionalUserId = Annotated[PushUserId | None, BeforeValidator(_no_null)]
"""A user's id, or absent. Null is neither: the published schema has a plain string."""


class _Question(Schema):
    """Unknown properties and parameters are ignored, as the published schemas permit them.

    Read by the wire's names only: `app_name` is an unknown property.
    """

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, populate_by_name=False)


class _Answer(Schema):
    """Made by our names, written by the wire's."""

    model_config = ConfigDict(alias_generator=to_camel)


class RegisterDevice(_Question):
    """The body of `POST …/DeviceRegistrations`."""

    app_name: AppName
    token: Token
    provider: Provider
    user_id: OptionalUserId = None


class DeviceRegistrationQuery(_Question):
    """The query of `GET …/DeviceRegistrations`."""

    user_id: PushUserId
    app_name: AppName | None = None
    page_token: str | None = None
    page_size: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = DEFAULT_PAGE_SIZE


class NamedResource(_Answer):
    """The answer to every write: what it made, changed or deleted, and where that is."""

    resource_id: str
    resource_location: str


class Device(_Answer):
    """One device of a registration."""

    token: str
    provider: Provider


class Related(_Answer):
    """Something that a resource belongs to."""

    name: Literal["PUSH_NOTIFICATION_APP", "PUSH_NOTIFICATION_USER"]
    id: str
    uri: str


class DeviceRegistration(_Answer):
    """The devices of one user in one App."""

    id: str
    app_name: str
    user_id: str
    devices: Items[Device]
    related: Items[Related]


class Pagination(_Answer):
    """Tokens of the page that follows, null after the last, and of this one."""

    next: str | None
    self: str


class DeviceRegistrations(_Answer):
    """A page of device registrations."""

    device_registrations: Items[DeviceRegistration]
    pagination: Pagination

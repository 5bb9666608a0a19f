"""Bodies of messages."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from heliograph.dialects.mobilefirst.schemas.apns_settings import ApnsSettings
from heliograph.dialects.mobilefirst.schemas.gcm_settings import GcmSettings
from heliograph.dialects.mobilefirst.schemas.wire import CAPITALS, Line, Name, UserId, Wire
from heliograph.dialects.mobilefirst.schemas.wns_settings import WnsSettings
from heliograph.web.schemas import Items, Text

MAX_TARGETS = 10_000
"""Devices, users or tags that one message may name: as many as the core takes."""

MAX_BULK = 1000
"""Messages of one request."""


def _parts(value: object) -> object:
    """Split what the examples write as one string, `"A,G"`, bare or in an array."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return value
    split: list[object] = []
    for each in value:
        split += [part.strip() for part in each.split(",")] if isinstance(each, str) else [each]
    return [each for each in split if each != ""]


def _several(value: object) -> object:
    if isinstance(value, str):
        return [value] if value else []
    return value


Platform = Literal["A", "G", "W", "M", "WEB_CHROME", "WEB_FIREFOX", "WEB_SAFARI"]
Number = Annotated[Line, Field(min_length=1)]


class MessageText(Wire):
    """What is shown. The text may be missing where nothing is to be shown."""

    alert: Text | None = None
    url: Text | None = None


class Target(Wire):
    """Whom a message is for: one of these, or nobody named for a broadcast."""

    device_ids: Annotated[Items[Name], Field(max_length=MAX_TARGETS)] | None = None
    user_ids: Annotated[Items[UserId], Field(max_length=MAX_TARGETS)] | None = None
    tag_names: Annotated[Items[Name], Field(max_length=MAX_TARGETS)] | None = None
    platforms: Annotated[Items[Platform], BeforeValidator(_parts)] | None = None
    phone_number: (
        Annotated[Items[Number], BeforeValidator(_several), Field(max_length=MAX_TARGETS)] | None
    ) = None


class Settings(Wire):
    """How the platforms show it. Those of browsers are read by nobody."""

    apns: ApnsSettings | None = None
    gcm: GcmSettings | None = None
    wns: WnsSettings | None = None


def _number(value: object) -> object:
    """Take no truth for a number: to Python, `true` is 1."""
    return None if isinstance(value, bool) else value


class MessageBody(Wire):
    """The body of `POST …/messages`; 1 is push, 2 a text message, 3 is both."""

    message: MessageText
    notification_type: Annotated[Literal[1, 2, 3], BeforeValidator(_number)] = 1
    target: Target | None = None
    settings: Settings | None = None


class StatusBody(Wire):
    """The body of `PUT …/messages/{messageId}`: what a device says of a message."""

    device_id: Name
    status: Annotated[Literal["SEEN", "OPEN"], CAPITALS]


class Accepted(Wire):
    """The answer to a message: the request that was accepted, and the message's id."""

    message: dict[str, Any]
    message_id: str


class Message(Wire):
    """A message that was sent."""

    alert: str
    message_id: str


class Nothing(Wire):
    """An empty object."""

"""Notifications and announcements, in the spelling of the Platform API."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AliasChoices, Field

from heliograph.core.notifications.checks import MAX_LISTED
from heliograph.dialects.layer.schemas.wire import Body, OptionalText, UserId
from heliograph.web.schemas import Items, Label, Schema, Text

MAX_OVERRIDES = 1000
"""Recipients with words of their own: each becomes a notification."""

MAX_PARTS = 1000
"""Of one announcement. Source: Layer's page on sending messages."""

Recipients = Annotated[Items[UserId], Field(min_length=1, max_length=MAX_LISTED)]
Arguments = Annotated[Items[Text], Field(max_length=100)]


class Wording(Body):
    """What a device shows and plays, in the words that both platforms have."""

    title: OptionalText = None
    text: OptionalText = None
    sound: OptionalText = None
    category: OptionalText = None
    title_loc_key: Annotated[OptionalText, Field(alias="title-loc-key")] = None
    title_loc_args: Annotated[Arguments | None, Field(alias="title-loc-args")] = None
    loc_key: Annotated[OptionalText, Field(alias="loc-key")] = None
    loc_args: Annotated[Arguments | None, Field(alias="loc-args")] = None
    action_loc_key: Annotated[OptionalText, Field(alias="action-loc-key")] = None
    launch_image: Annotated[OptionalText, Field(alias="launch-image")] = None


class RecipientWording(Body):
    """What one recipient is told otherwise."""

    user_id: Annotated[UserId, Field(validation_alias=AliasChoices("user_id", "recipient"))]
    title: OptionalText = None
    text: OptionalText = None
    sound: OptionalText = None


class NotificationObject(Wording):
    """A notification. apns, gcm: what differs on one platform."""

    apns: Wording | None = None
    gcm: Wording | None = None
    data: dict[str, Any] = Field(default_factory=dict)
    recipients: Annotated[Items[RecipientWording], Field(max_length=MAX_OVERRIDES)] = ()


class NotificationBody(Body):
    """The body of `POST /apps/:app_uuid/notifications`."""

    recipients: Recipients
    notification: NotificationObject


class Sender(Body):
    """Who an announcement is from: a name, never a user."""

    name: Label


class Part(Body):
    """One part of an announcement. encoding: `base64`, or absent."""

    body: Text
    mime_type: Label = "text/plain"
    encoding: OptionalText = None


class AnnouncementBody(Body):
    """The body of `POST /apps/:app_uuid/announcements`."""

    recipients: Recipients
    sender: Sender
    parts: Annotated[Items[Part], Field(min_length=1, max_length=MAX_PARTS)]
    notification: NotificationObject | None = None


class Announcement(Schema):
    """The answer to it. sent_at: ISO 8601; sender and parts as they were given."""

    id: str
    url: str
    sent_at: str
    recipients: Items[str]
    sender: dict[str, str | None]
    parts: Items[dict[str, str]]

"""Notifications.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from heliograph.core.model.notification import MAX_TTL_S, NotificationState, Priority, Record
from heliograph.core.model.registration import TokenKind
from heliograph.core.notifications.checks import MAX_PER_SECOND
from heliograph.dialects.native.schemas.audiences import AudienceBody
from heliograph.dialects.native.schemas.receipts import ReceiptCounters
from heliograph.dialects.native.schemas.times import Moment
from heliograph.web.schemas import Choice, Label, Schema, Text

MAX_TEXT_CHARS = 4096

_MAX_BADGE = 2**31 - 1

ShownText = Annotated[Text, Field(max_length=MAX_TEXT_CHARS)]
Count = Annotated[int, Field(ge=0)]


class OverridesBody(Schema):
    """What one provider's message says otherwise, in that provider's own words."""

    apns: dict[Text, Any] | None = None
    fcm: dict[Text, Any] | None = None
    webpush: dict[Text, Any] | None = None
    wns: dict[Text, Any] | None = None
    sms: dict[Text, Any] | None = None


class ContentBody(Schema):
    """What the device shows, and `data` for the app itself: at least one of these."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    title: ShownText | None = None
    body: ShownText | None = None
    data: dict[Text, Any] = Field(default_factory=dict)
    sound: Label | None = None
    badge: Annotated[int, Field(ge=0, le=_MAX_BADGE)] | None = None
    overrides: OverridesBody = OverridesBody()


class OptionsBody(Schema):
    """How it travels. ttl_s: seconds from its start until it is given up.

    receipts: whether the message says its notification's id. ignore_quiet_hours:
    whether it is sent at once to who wants to be left alone now.
    """

    ttl_s: Annotated[int, Field(ge=0, le=MAX_TTL_S)] = MAX_TTL_S
    priority: Choice[Priority] = Priority.HIGH
    collapse_key: Label | None = None
    category: Label | None = None
    kind: Choice[TokenKind] = TokenKind.ALERT
    send_at: Moment | None = None
    max_per_second: Annotated[int, Field(ge=1, le=MAX_PER_SECOND)] | None = None
    record: Choice[Record] = Record.ALL
    receipts: bool = False
    ignore_quiet_hours: bool = False


class RepeatHeaders(Schema):
    """What a request carries that may be repeated without being done twice."""

    key: Annotated[str, Field(pattern="^[ -~]{1,255}$")] | None = Field(
        None, alias="Idempotency-Key"
    )


class NotificationBody(Schema):
    """POST …/notifications."""

    audience: AudienceBody
    content: ContentBody
    options: OptionsBody = OptionsBody()


class Notification(Schema):
    """A notification as it is shown in lists. audience: `devices` is named by other APIs alone."""

    id: str
    state: NotificationState
    audience: Literal[
        "users", "devices", "registrations", "tags", "addresses", "recipients", "everyone"
    ]
    created: datetime
    send_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None


class Counters(Schema):
    """How its deliveries stand."""

    targets: Count
    accepted: Count
    deferred: Count
    rejected: Count
    gone: Count
    expired: Count
    canceled: Count


class NotificationReport(Notification):
    """A notification with what became of it."""

    counters: Counters
    receipts: ReceiptCounters


class NotificationList(Schema):
    """A part of the notifications, newest first. next: the cursor of the next part."""

    items: tuple[Notification, ...]
    next: str | None

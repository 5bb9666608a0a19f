"""Notifications and operations on the wire, and the queries of their lists."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from heliograph.dialects.twilio.schemas.wire import (
    Answer,
    DatedQuery,
    OperationId,
    Pagination,
    Provider,
    PushUserId,
)
from heliograph.web.schemas import Items

NotificationStatus = Literal["SCHEDULED", "QUEUED", "SENT", "FAILED", "CANCELED"]
OperationStatus = Literal["SCHEDULED", "PROCESSING", "COMPLETED", "CANCELED"]

TagFilter = Annotated[str, Field(pattern=r"^(?:[a-zA-Z0-9._~-]+:[a-zA-Z0-9._~-]+;){1,10}$")]
"""`key:value;` once or more, the last semicolon included."""


class NotificationQuery(DatedQuery):
    """The query of `GET /v1/PushNotifications`."""

    operation_id: OperationId | None = None
    status: NotificationStatus | None = None
    tags: TagFilter | None = None
    user: PushUserId | None = None
    provider: Provider | None = None


class OperationQuery(DatedQuery):
    """The query of `GET …/Operations`."""

    status: OperationStatus | None = None


class SentBy(Answer):
    """The credentials that a notification is sent by."""

    fcm: str | None = None
    apn: str | None = None


class SentTo(Answer):
    """The recipient, in one of two forms."""

    token: str | None = None
    provider: Provider | None = None
    user_id: str | None = None


class ShownContent(Answer):
    """What was shown, with every place filled in."""

    title: str | None = None
    body: str


class ListedNotification(Answer):
    """One recipient's notification."""

    id: str
    from_: Annotated[SentBy, Field(alias="from")]
    to: SentTo
    priority: Literal["HIGH", "LOW"]
    sound: str | None
    status: NotificationStatus
    created_at: str
    updated_at: str


class PushNotification(ListedNotification):
    """One recipient's notification with what it said."""

    content: ShownContent


class PushNotifications(Answer):
    """A page of notifications."""

    push_notifications: Items[ListedNotification]
    pagination: Pagination


Count = Annotated[int, Field(ge=0)]


class Stats(Answer):
    """How many notifications of an operation are where; `total` is the sum of the others."""

    total: Count
    recipients: Count
    unaddressable: Count
    scheduled: Count
    queued: Count
    sent: Count
    failed: Count
    canceled: Count


class Operation(Answer):
    """One send, to however many."""

    id: str
    status: OperationStatus
    stats: Stats
    created_at: str
    updated_at: str


class Operations(Answer):
    """A page of operations."""

    operations: Items[Operation]
    pagination: Pagination

"""Notifications and operations <- what the core reports of recipients and sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.model.notification import NotificationState, Priority
from heliograph.core.model.recipient import RecipientFilter, RecipientState, SendFilter
from heliograph.dialects.twilio.mapping.answers import spell_time
from heliograph.dialects.twilio.mapping.ids import (
    PROVIDERS,
    WORDS,
    spell_credential,
    spell_operation,
    spell_recipient,
    spell_user,
    to_operation_id,
    to_user_id,
)
from heliograph.dialects.twilio.schemas import notifications as schemas

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.model.notification import Notification
    from heliograph.core.model.recipient import RecipientReport, RecipientRow, SendReport
    from heliograph.dialects.twilio.schemas.wire import DatedQuery

_STATUSES: dict[RecipientState, schemas.NotificationStatus] = {
    RecipientState.SCHEDULED: "SCHEDULED",
    RecipientState.QUEUED: "QUEUED",
    RecipientState.SENT: "SENT",
    RecipientState.FAILED: "FAILED",
    RecipientState.CANCELED: "CANCELED",
    # The vendor has no better word for whom nothing can reach.
    RecipientState.UNADDRESSABLE: "FAILED",
}
_OPERATIONS: dict[NotificationState, schemas.OperationStatus] = {
    NotificationState.SCHEDULED: "SCHEDULED",
    NotificationState.RUNNING: "PROCESSING",
    NotificationState.PAUSED: "PROCESSING",
    NotificationState.COMPLETED: "COMPLETED",
    NotificationState.EXPIRED: "COMPLETED",
    NotificationState.CANCELED: "CANCELED",
}


NOTHING = RecipientFilter(SendFilter())


def to_filter(query: schemas.NotificationQuery, *, oldest: datetime) -> RecipientFilter | None:
    """Translate a list's filters; None where an id in them can't be ours, so that nothing fits."""
    operation = None if query.operation_id is None else to_operation_id(query.operation_id)
    user = None if query.user is None else to_user_id(query.user)
    if (operation is None) is not (query.operation_id is None):
        return None
    if (user is None) is not (query.user is None):
        return None
    states = [state for state, word in _STATUSES.items() if word == query.status]
    send = SendFilter(
        since=_since(query, oldest),
        until=query.end_date,
        # What is scheduled has no recipient in any other state, and the other way round.
        states=frozenset({NotificationState.SCHEDULED}) if query.status == "SCHEDULED" else None,
        notification_id=operation,
        marks=_to_marks(query.tags),
    )
    return RecipientFilter(
        send,
        user_id=user,
        provider=None if query.provider is None else PROVIDERS[query.provider],
        states=frozenset(states) if states else None,
    )


def to_send_filter(query: schemas.OperationQuery, *, oldest: datetime) -> SendFilter:
    """Translate the filters of a list of operations."""
    states = [state for state, word in _OPERATIONS.items() if word == query.status]
    return SendFilter(
        since=_since(query, oldest),
        until=query.end_date,
        states=frozenset(states) if states else None,
    )


def from_report(report: RecipientReport) -> schemas.ListedNotification:
    """Show one recipient's notification."""
    notification = report.notification
    return schemas.ListedNotification(
        id=spell_recipient(report.row.place),
        from_=_sent_by(notification, report.row),
        to=_sent_to(report.row),
        priority="HIGH" if notification.options.priority is Priority.HIGH else "LOW",
        sound=notification.content.sound,
        status=_STATUSES[report.state],
        created_at=spell_time(notification.created),
        updated_at=spell_time(report.updated),
    )


def from_report_with_content(report: RecipientReport) -> schemas.PushNotification:
    """Show one recipient's notification with what it said."""
    content = report.content or report.notification.content
    shown = schemas.ShownContent(title=content.title, body=content.body or "")
    listed = from_report(report)
    return schemas.PushNotification(**dict(listed), content=shown)


def from_send(report: SendReport) -> schemas.Operation:
    """Show an operation. One recipient is one notification: there are as many of both."""
    counts = report.counts
    total = sum(counts.values())
    return schemas.Operation(
        id=spell_operation(report.notification.id),
        status=_OPERATIONS[report.notification.state],
        stats=schemas.Stats(
            total=total,
            recipients=total,
            unaddressable=counts[RecipientState.UNADDRESSABLE],
            scheduled=counts[RecipientState.SCHEDULED],
            queued=counts[RecipientState.QUEUED],
            sent=counts[RecipientState.SENT],
            failed=counts[RecipientState.FAILED],
            canceled=counts[RecipientState.CANCELED],
        ),
        created_at=spell_time(report.notification.created),
        updated_at=spell_time(report.updated),
    )


def _since(query: DatedQuery, oldest: datetime) -> datetime:
    return oldest if query.start_date is None else max(query.start_date, oldest)


def _to_marks(text: str | None) -> tuple[tuple[str, str], ...]:
    pairs = (each.partition(":") for each in (text or "").split(";") if each)
    return tuple((key, value) for key, _, value in pairs)


def _sent_by(notification: Notification, row: RecipientRow) -> schemas.SentBy:
    """Name the credentials that are for this recipient: those of the providers that it has."""
    used = row.providers or ({row.provider} if row.provider else set(WORDS))
    names: dict[str, str] = {}
    for provider, credential_id in notification.options.credentials:
        if provider in used:
            names.setdefault(WORDS[provider].lower(), spell_credential(credential_id))
    return schemas.SentBy(**names)


def _sent_to(row: RecipientRow) -> schemas.SentTo:
    if row.user_id is not None:
        return schemas.SentTo(user_id=spell_user(row.user_id))
    assert row.provider is not None
    return schemas.SentTo(token=row.token, provider=WORDS[row.provider])

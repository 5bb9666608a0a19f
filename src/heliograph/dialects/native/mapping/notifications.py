"""Notifications <-> the core's."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.ids import Id, spell
from heliograph.core.model.notification import Content, Counters, Notification, Options
from heliograph.core.model.registration import ProviderName
from heliograph.core.notifications.idempotency import IdempotencyKey, body_hash, check_key
from heliograph.dialects.native.mapping.audiences import form_of
from heliograph.dialects.native.mapping.cursors import write_cursor
from heliograph.dialects.native.mapping.receipts import from_counters
from heliograph.dialects.native.schemas import notifications as schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.receipt import ReceiptCounters
    from heliograph.core.notifications.notifications import NotificationReport


def to_idempotency_key(given: Sequence[str], body: Any) -> IdempotencyKey | None:
    """Read the `Idempotency-Key` headers of a request; raises InvalidRequest.

    body: the JSON that came with it.
    """
    if not given:
        return None
    if len(given) > 1:
        problem = Problem(("Idempotency-Key",), ProblemKind.TOO_MANY, "given once")
        raise InvalidRequest([problem])
    return IdempotencyKey(check_key(given[0]), body_hash(body))


def to_content(body: schemas.ContentBody, *, is_template: bool = False) -> Content:
    """Translate what is shown. is_template: its texts have places for recipients' variables."""
    overrides = body.overrides.model_dump(exclude_none=True)
    return Content(
        title=body.title,
        body=body.body,
        data=MappingProxyType(body.data),
        sound=body.sound,
        badge=body.badge,
        overrides=MappingProxyType({ProviderName(name): each for name, each in overrides.items()}),
        is_template=is_template,
    )


def to_options(body: schemas.OptionsBody) -> Options:
    """Translate how it travels."""
    return Options(
        ttl_s=body.ttl_s,
        priority=body.priority,
        collapse_key=body.collapse_key,
        category=body.category,
        kind=body.kind,
        send_at=body.send_at,
        max_per_second=body.max_per_second,
        record=body.record,
        has_receipts=body.receipts,
        ignores_quiet_hours=body.ignore_quiet_hours,
    )


def from_notification(notification: Notification) -> schemas.Notification:
    """Show a notification."""
    return schemas.Notification(**_fields_of(notification))


def from_report(
    report: NotificationReport, receipts: ReceiptCounters
) -> schemas.NotificationReport:
    """Show a notification with its counters, and apart from them what devices reported."""
    return schemas.NotificationReport(
        **_fields_of(report.notification),
        counters=_from_counters(report.counters),
        receipts=from_counters(receipts),
    )


def from_notifications(
    notifications: Sequence[Notification], next_before: Id | None
) -> schemas.NotificationList:
    """Show a part of the notifications."""
    return schemas.NotificationList(
        items=tuple(from_notification(item) for item in notifications),
        next=None if next_before is None else write_cursor(next_before),
    )


def _from_counters(counters: Counters) -> schemas.Counters:
    return schemas.Counters(
        targets=counters.targets,
        accepted=counters.accepted,
        deferred=counters.deferred,
        rejected=counters.rejected,
        gone=counters.gone,
        expired=counters.expired,
        canceled=counters.canceled,
    )


def _fields_of(notification: Notification) -> dict[str, Any]:
    return {
        "id": spell("notification", notification.id),
        "state": notification.state,
        "audience": form_of(notification.audience),
        "created": notification.created,
        "send_at": notification.options.send_at,
        "started_at": notification.started_at,
        "completed_at": notification.completed_at,
    }

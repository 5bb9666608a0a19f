"""What webhooks say: the bodies of events, pure.

A device's token goes into an event's private part: the standard form never
shows it, MobileFirst's has to.

Source: docs/webhooks.md, "Events".
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from heliograph.core.clock import to_ms
from heliograph.core.ids import Id, letters_of, new_id, spell
from heliograph.core.model.webhook import Event, EventKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.model.notification import Counters, NotificationState
    from heliograph.core.model.receipt import Receipt
    from heliograph.core.model.registration import Registration

DELIVERIES_AT_ONCE = 100
"""Deliveries of one event: about 15 kB, as bodies should stay under 20 kB."""

_RANDOM_BYTES = 10


def of_registration(
    kind: EventKind, registration: Registration, at: datetime, *, reason: str | None = None
) -> Event:
    """Say what happened to a registration. reason: why one was deleted."""
    body: dict[str, Any] = {"registration": _registration_body(registration)}
    if reason is not None:
        body["reason"] = reason
    return _event(kind, registration, at, body)


def of_subscription(
    kind: EventKind, registration: Registration, label: str, tag_id: Id, at: datetime
) -> Event:
    """Say that a registration was subscribed to a label, or is no longer."""
    body = {"tag": label, "registration": _registration_body(registration)}
    return _event(kind, registration, at, body, tag_id=letters_of(tag_id))


def of_notification(
    application_id: Id,
    notification_id: Id,
    state: NotificationState,
    at: datetime,
    counters: Counters | None = None,
) -> Event:
    """Say that a notification is in another state. counters: of one that has ended."""
    body: dict[str, Any] = {
        "notification_id": spell("notification", notification_id),
        "state": state.value,
    }
    if counters is not None:
        body["counters"] = {
            "accepted": counters.accepted,
            "rejected": counters.rejected,
            "gone": counters.gone,
            "expired": counters.expired,
            "canceled": counters.canceled,
        }
    kind = EventKind.NOTIFICATION_STATUS
    return Event(new_id(at), application_id, kind, at, body)


def of_deliveries(
    application_id: Id,
    notification_id: Id,
    kind: EventKind,
    provider: str | None,
    deliveries: Sequence[Mapping[str, Any]],
    at: datetime,
) -> Event:
    """Say what became of deliveries by one provider.

    The id follows from what is said, so that a commit that is repeated tells
    nothing twice.
    """
    body = {
        "notification_id": spell("notification", notification_id),
        "provider": provider,
        "deliveries": [*deliveries],
    }
    said = repr((notification_id, kind, provider, deliveries)).encode()
    event_id = Id(to_ms(at).to_bytes(6, "big") + hashlib.sha256(said).digest()[:_RANDOM_BYTES])
    return Event(event_id, application_id, kind, at, body)


def of_receipt(receipt: Receipt, registration: Registration | None) -> Event:
    """Say what a device reported. registration: None where it is gone, or never was one."""
    body: dict[str, Any] = {
        "notification_id": spell("notification", receipt.notification_id),
        "registration_id": registration and spell("registration", registration.id),
        "recipient": receipt.recipient,
        "device_id": registration and registration.device_id,
        "user_id": registration and registration.external_user_id,
        "provider": registration and registration.provider.value,
        "detail": receipt.detail,
    }
    shown = {name: value for name, value in body.items() if value is not None}
    kind = receipt.kind.event_kind
    return Event(new_id(receipt.at), receipt.application_id, kind, receipt.at, shown)


def _event(
    kind: EventKind,
    registration: Registration,
    at: datetime,
    body: Mapping[str, Any],
    **private: str,
) -> Event:
    private = {"token": registration.token, **private}
    return Event(new_id(at), registration.application_id, kind, at, body, private)


def _registration_body(registration: Registration) -> dict[str, Any]:
    return {
        "id": spell("registration", registration.id),
        "user_id": registration.external_user_id,
        "device_id": registration.device_id,
        "provider": registration.provider.value,
        "environment": registration.environment and registration.environment.value,
        "kind": registration.kind.value,
        "state": registration.state.value,
        "created": iso(registration.created),
        "refreshed": iso(registration.refreshed),
    }


def iso(instant: datetime) -> str:
    """Spell an instant as bodies do: `2026-01-02T03:04:05.678Z`."""
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")

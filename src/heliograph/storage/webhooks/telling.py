"""Tells the outbox of changes: to registrations, subscriptions, notifications, deliveries.

Each function looks up who wants to know before it does anything else.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from heliograph.core.clock import from_ms
from heliograph.core.ids import Id, spell
from heliograph.core.model.delivery import DeliveryState
from heliograph.core.model.notification import Counters, NotificationState
from heliograph.core.model.registration import DepartureReason, Registration
from heliograph.core.model.webhook import EventKind
from heliograph.core.webhooks import events
from heliograph.storage.database.engines import is_in
from heliograph.storage.tables.rows import select_registrations, to_registration
from heliograph.storage.tables.tables import COUNTED, registrations, shards
from heliograph.storage.webhooks.outbox import Wishes, wishes_of, write_events

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.core.model.delivery import DeliveryRow, PageCommit
    from heliograph.core.model.webhook import Event

_OF_REGISTRATIONS = (
    EventKind.REGISTRATION_CREATED,
    EventKind.REGISTRATION_UPDATED,
    EventKind.REGISTRATION_DELETED,
)
_OF_DELIVERIES = {
    DeliveryState.ACCEPTED.value: EventKind.DELIVERY_ACCEPTED,
    DeliveryState.REJECTED.value: EventKind.DELIVERY_REJECTED,
    DeliveryState.GONE.value: EventKind.DELIVERY_GONE,
    DeliveryState.EXPIRED.value: EventKind.DELIVERY_EXPIRED,
    DeliveryState.CANCELED.value: EventKind.DELIVERY_CANCELED,
}
"""A delivery that is deferred has not ended, so nobody is told."""


def tell_of_registrations(
    connection: Connection,
    at: datetime,
    wishes: Wishes,
    *,
    created: Sequence[Registration] = (),
    updated: Sequence[Registration] = (),
    deleted: Sequence[tuple[Registration, DepartureReason]] = (),
) -> None:
    """Tell those with such wishes of registrations that came, changed and left."""
    if not wishes:
        return
    changed = (*created, *updated, *(row for row, _ in deleted))
    if not any(wishes.wants(row.application_id, _OF_REGISTRATIONS) for row in changed):
        return
    new, moved, gone = _OF_REGISTRATIONS
    told = [
        *(events.of_registration(gone, row, at, reason=reason.value) for row, reason in deleted),
        *(events.of_registration(new, row, at) for row in created),
        *(events.of_registration(moved, row, at) for row in updated),
    ]
    write_events(connection, told, wishes)


def tell_of_pruned(
    connection: Connection, application_id: Id, ids: Sequence[bytes], at: datetime
) -> None:
    """Tell of registrations whose tokens are dead; called before they are deleted."""
    wishes = _wishes(connection, application_id, [EventKind.REGISTRATION_DELETED])
    if wishes is None:
        return
    reason = DepartureReason.TOKEN_GONE.value
    told = [
        events.of_registration(EventKind.REGISTRATION_DELETED, row, at, reason=reason)
        for row in _registrations(connection, application_id, ids)
    ]
    write_events(connection, told, wishes)


def tell_of_subscriptions(
    connection: Connection,
    kind: EventKind,
    application_id: Id,
    label: str,
    tag_id: bytes,
    registration_ids: Sequence[bytes],
    at: datetime,
) -> None:
    """Tell of registrations that were subscribed to a label, or are no longer."""
    if not registration_ids:
        return
    wishes = _wishes(connection, application_id, [kind])
    if wishes is None:
        return
    told = [
        events.of_subscription(kind, row, label, Id(tag_id), at)
        for row in _registrations(connection, application_id, registration_ids)
    ]
    write_events(connection, told, wishes)


def tell_of_notification(
    connection: Connection,
    application_id: bytes,
    notification_id: bytes,
    state: NotificationState,
    at: datetime,
    wishes: Wishes,
) -> None:
    """Tell that a notification came into a state; with its counters once it is complete."""
    if not wishes.wants(application_id, [EventKind.NOTIFICATION_STATUS]):
        return
    is_complete = state is NotificationState.COMPLETED
    counters = _counters(connection, notification_id) if is_complete else None
    told = events.of_notification(Id(application_id), Id(notification_id), state, at, counters)
    write_events(connection, [told], wishes)


def tell_of_page(connection: Connection, commit: PageCommit, rows: Sequence[DeliveryRow]) -> None:
    """Tell what became of a page's deliveries."""
    shard = commit.shard
    tell_of_deliveries(connection, shard.application_id, shard.notification_id, rows, commit.at)


def tell_of_deliveries(
    connection: Connection,
    application_id: Id,
    notification_id: Id,
    rows: Sequence[DeliveryRow],
    at: datetime,
) -> None:
    """Tell what became of deliveries, about a hundred in one event."""
    if not rows:
        return
    wishes = _wishes(connection, application_id, _OF_DELIVERIES.values())
    if wishes is None:
        return
    told = [
        row
        for row in rows
        if (kind := _OF_DELIVERIES.get(row.state)) and wishes.of(application_id, kind)
    ]
    if not told:
        return
    wanted = [row.target_id for row in told if row.is_registered]
    living = {row.id: row for row in _registrations(connection, application_id, wanted)}
    told.sort(key=_state_and_provider)
    written: list[Event] = []
    for (state, provider), group in groupby(told, _state_and_provider):
        shown = [_delivery_body(row, living.get(Id(row.target_id))) for row in group]
        for first in range(0, len(shown), events.DELIVERIES_AT_ONCE):
            some = shown[first : first + events.DELIVERIES_AT_ONCE]
            kind = _OF_DELIVERIES[state]
            written.append(
                events.of_deliveries(
                    application_id, notification_id, kind, provider or None, some, at
                )
            )
    write_events(connection, written, wishes)


def _wishes(
    connection: Connection, application_id: bytes, kinds: Collection[EventKind]
) -> Wishes | None:
    """Look up who wants to know; None if nobody does."""
    wishes = wishes_of(connection, [application_id])
    return wishes if wishes.wants(application_id, kinds) else None


def _registrations(
    connection: Connection, application_id: Id, ids: Iterable[bytes]
) -> list[Registration]:
    columns = registrations.c
    wanted = sorted({*ids})
    query = select_registrations().where(
        columns.application_id == application_id,
        columns.bucket.in_(sorted({raw[-1] for raw in wanted})),
        is_in(connection, columns.id, wanted),
    )
    return [to_registration(row) for row in connection.execute(query)] if wanted else []


def _counters(connection: Connection, notification_id: bytes) -> Counters:
    sums = (func.coalesce(func.sum(shards.c[name]), 0) for name in COUNTED)
    row = connection.execute(select(*sums).where(shards.c.notification_id == notification_id)).one()
    return Counters(*map(int, row))


def _state_and_provider(row: DeliveryRow) -> tuple[str, str]:
    return row.state, row.provider or ""


def _delivery_body(row: DeliveryRow, registration: Registration | None) -> dict[str, Any]:
    """Show a delivery. What is not known, or says nothing here, is left out."""
    body = {
        "registration_id": spell("registration", row.target_id) if row.is_registered else None,
        "recipient": row.recipient or None,
        "user_id": registration and registration.external_user_id,
        "device_id": registration and registration.device_id,
        "provider_message_id": row.provider_message_id,
        "reason": row.reason,
        "attempts": row.attempts,
        "at": events.iso(from_ms(row.at_ms)),
    }
    return {name: value for name, value in body.items() if value is not None}

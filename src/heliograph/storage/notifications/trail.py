"""Finds deliveries: a notification's, or those of one person or registration.

There is no index by person. The key of `deliveries` is found through the
person's registrations, the departed ones among them: an id alone tells the
bucket that it is in.

Source: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select, tuple_

from heliograph.core.clock import from_ms
from heliograph.core.ids import Id
from heliograph.core.model.audience import Addresses, Recipients, Registrations
from heliograph.core.model.delivery import Delivery, DeliveryState
from heliograph.core.model.registration import ProviderName
from heliograph.storage.notifications.cutting import members_named
from heliograph.storage.tables.rows import optional_time
from heliograph.storage.tables.tables import (
    deferred,
    deliveries,
    departed_registrations,
    registrations,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from heliograph.core.model.delivery import Cursor, DeliveryFilter
    from heliograph.core.model.notification import Notification

MOST_REGISTRATIONS = 1000
"""Of one person: far more than any dialect lets one have."""


def find_deliveries(
    connection: Connection,
    notification: Notification,
    wanted: DeliveryFilter,
    after: Cursor | None,
    limit: int,
) -> list[Delivery]:
    """Read deliveries in the order of the scan, with the next try of those that wait."""
    columns, waiting = deliveries.c, deferred.c
    key = (columns.bucket, columns.recipient, columns.target_id)
    query = (
        select(deliveries, waiting.due_ms)
        .select_from(
            deliveries.outerjoin(
                deferred,
                and_(
                    waiting.notification_id == columns.notification_id,
                    waiting.bucket == columns.bucket,
                    waiting.recipient == columns.recipient,
                    waiting.target_id == columns.target_id,
                ),
            )
        )
        .where(columns.notification_id == notification.id)
        .order_by(*key)
        .limit(limit)
    )
    if wanted.user_id is not None or wanted.registration_id is not None:
        targets = _targets(connection, notification, wanted)
        if not targets:
            return []
        query = query.where(
            columns.bucket.in_(sorted({target[-1] for target in targets})),
            columns.target_id.in_(targets),
        )
        if not isinstance(notification.audience, Registrations | Addresses | Recipients):
            # Only lists number their recipients. With this the whole key is known.
            query = query.where(columns.recipient == 0)
    if wanted.state is not None:
        query = query.where(columns.state == wanted.state.value)
    if after is not None:
        query = query.where(tuple_(*key) > tuple(after))
    return [_to_delivery(row) for row in connection.execute(query).all()]


def _targets(
    connection: Connection, notification: Notification, wanted: DeliveryFilter
) -> list[bytes]:
    """Name the registrations whose deliveries are wanted."""
    if wanted.user_id is None:
        return [] if wanted.registration_id is None else [wanted.registration_id]
    application_id = notification.application_id
    theirs = members_named(connection, application_id, (wanted.user_id,))
    departed = departed_registrations.c
    living = select(registrations.c.id).where(
        registrations.c.application_id == application_id, registrations.c.member_id.in_(theirs)
    )
    gone = select(departed.id).where(
        departed.application_id == application_id,
        departed.member_id.in_(theirs),
    )
    found = [
        raw
        for query in (living, gone)
        for raw in connection.execute(query.limit(MOST_REGISTRATIONS)).scalars()
    ]
    if wanted.registration_id is not None:
        return [raw for raw in found if raw == wanted.registration_id]
    return found


def _to_delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        notification_id=Id(row.notification_id),
        target_id=row.target_id,
        bucket=row.bucket,
        recipient=row.recipient,
        state=DeliveryState(row.state),
        provider=ProviderName(row.provider) if row.provider else None,
        attempts=row.attempts,
        at=from_ms(row.at_ms),
        is_registered=row.is_registered,
        provider_message_id=row.provider_message_id,
        reason=row.reason,
        next_attempt_at=optional_time(row.due_ms),
    )

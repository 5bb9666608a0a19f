"""Writes what is accepted, and moves it from state to state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from heliograph.core.clock import to_ms
from heliograph.core.model.audience import Recipients
from heliograph.core.model.delivery import FirstPage
from heliograph.core.model.notification import Notification, NotificationState
from heliograph.core.notifications.idempotency import LIFE, Remembered
from heliograph.core.notifications.states import FINAL, GOALS, ORIGINS, Step
from heliograph.storage.database.bulk import insertion_of, write_rows, write_rows_and_ask
from heliograph.storage.database.engines import upsert
from heliograph.storage.database.spelling import key_values
from heliograph.storage.notifications.cutting import cut, recipients_of
from heliograph.storage.notifications.documents import (
    audience_text,
    content_text,
    options_text,
    to_notification,
)
from heliograph.storage.shards.announcing import announce
from heliograph.storage.shards.pages import read_first_page
from heliograph.storage.tables.rows import optional_ms
from heliograph.storage.tables.tables import idempotency_keys, notifications
from heliograph.storage.webhooks.outbox import WISHES, Wishes, wishes_from, wishes_of
from heliograph.storage.webhooks.telling import tell_of_notification

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from heliograph.core.ids import Id
    from heliograph.core.model.delivery import Reservation, Shard
    from heliograph.core.notifications.idempotency import IdempotencyKey


def accept(
    connection: Connection, notification: Notification, key: IdempotencyKey | None
) -> Notification | None:
    """Write a notification and, if it runs, its shards; answer what stands under the key.

    Of two requests with one key the second waits for the first's transaction
    and then finds what it left.
    """
    accepted = _accept(connection, notification, key, None)
    return None if accepted is None else accepted[0]


def accept_and_begin(
    connection: Connection,
    notification: Notification,
    key: IdempotencyKey | None,
    place: Reservation,
) -> tuple[Notification, FirstPage | None] | None:
    """Do the same; what is small is claimed for a place, and its first page is read."""
    accepted = _accept(connection, notification, key, place)
    if accepted is None or accepted[1] is None:
        return accepted and (accepted[0], None)
    shard = accepted[1]
    at = notification.started_at or notification.created
    page = read_first_page(connection, shard, notification, place.page_size, at)
    return notification, FirstPage(shard, page)


def _accept(
    connection: Connection,
    notification: Notification,
    key: IdempotencyKey | None,
    place: Reservation | None,
) -> tuple[Notification, Shard | None] | None:
    if key is not None and not _claim(connection, notification, key):
        known = recall(connection, notification.application_id, key.value)
        is_same = known is not None and known.body_hash == key.body_hash
        return (known.notification, None) if known is not None and is_same else None
    audience = notification.audience
    is_scheduled = notification.state is NotificationState.SCHEDULED
    row = {
        "application_id": notification.application_id,
        "id": notification.id,
        "audience": audience_text(notification.audience),
        "content": content_text(notification.content),
        "options": options_text(notification.options),
        "state": notification.state.value,
        "created_ms": to_ms(notification.created),
        "started_ms": optional_ms(notification.started_at),
        "starts_ms": optional_ms(notification.options.send_at) if is_scheduled else None,
        "is_settled": False,
        "recipient_count": audience.count if isinstance(audience, Recipients) else None,
    }
    writes = [insertion_of(notifications, [row])]
    if isinstance(audience, Recipients):
        writes.append(recipients_of(notification.id, audience))
    claimed = None
    if notification.state is NotificationState.RUNNING:
        at = notification.started_at or notification.created
        pieces = cut(connection, notification, at, place)
        writes += pieces.writes
        claimed = pieces.claimed
    asked = key_values(connection, [notification.application_id])
    wishes = wishes_from(write_rows_and_ask(connection, *writes, question=WISHES, **asked))
    _tell(connection, notification, notification.created, wishes)
    return notification, claimed


def recall(
    connection: Connection, application_id: Id, key: str, now: datetime | None = None
) -> Remembered | None:
    """Read what a key stands for. now: leave out what has expired."""
    query = (
        select(notifications, idempotency_keys.c.body_hash)
        .join(
            idempotency_keys,
            (idempotency_keys.c.application_id == notifications.c.application_id)
            & (idempotency_keys.c.notification_id == notifications.c.id),
        )
        .where(idempotency_keys.c.application_id == application_id, idempotency_keys.c.key == key)
    )
    if now is not None:
        query = query.where(idempotency_keys.c.expires_ms > to_ms(now))
    row = connection.execute(query).one_or_none()
    return None if row is None else Remembered(row.body_hash, to_notification(row))


def take_step(
    connection: Connection, application_id: Id, notification_id: Id, step: Step, now: datetime
) -> Notification | None:
    """Take a step where the state allows it; answer the notification as it is then."""
    goal = GOALS[step]
    values: dict[str, Any] = {"state": goal.value, "starts_ms": None, "is_settled": False}
    if goal in FINAL:
        values["completed_ms"] = to_ms(now)
    this = (
        notifications.c.application_id == application_id,
        notifications.c.id == notification_id,
    )
    moved = connection.execute(
        update(notifications)
        .where(*this, notifications.c.state.in_([state.value for state in ORIGINS[step]]))
        .values(values)
    ).rowcount
    if goal is NotificationState.RUNNING:
        announce(connection)
    row = connection.execute(select(notifications).where(*this)).one_or_none()
    if row is None:
        return None
    notification = to_notification(row)
    if moved:
        _tell(connection, notification, now, wishes_of(connection, [application_id]))
    return notification


def is_any_due(connection: Connection, now: datetime) -> bool:
    """Say whether a scheduled notification waits to be started."""
    return connection.execute(_due(now)).first() is not None


def start_due(connection: Connection, now: datetime) -> Id | None:
    """Start one scheduled notification that is due, and cut it.

    Its row is locked: another node passes it over and takes the next.
    """
    row = connection.execute(_due(now).with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    notification = replace(to_notification(row), state=NotificationState.RUNNING, started_at=now)
    connection.execute(
        update(notifications)
        .where(
            notifications.c.application_id == row.application_id,
            notifications.c.id == row.id,
        )
        .values(state=notification.state.value, started_ms=to_ms(now), starts_ms=None)
    )
    write_rows(connection, *cut(connection, notification, now).writes)
    _tell(connection, notification, now, wishes_of(connection, [notification.application_id]))
    return notification.id


def _tell(connection: Connection, notification: Notification, at: datetime, wishes: Wishes) -> None:
    tell_of_notification(
        connection, notification.application_id, notification.id, notification.state, at, wishes
    )


def _claim(connection: Connection, notification: Notification, key: IdempotencyKey) -> bool:
    """Take a key that is new or has expired; False where it stands for something."""
    at = notification.created
    statement = upsert(
        connection,
        idempotency_keys,
        changing=("body_hash", "notification_id", "expires_ms"),
        where=idempotency_keys.c.expires_ms <= to_ms(at),
    ).returning(idempotency_keys.c.key)
    row = {
        "application_id": notification.application_id,
        "key": key.value,
        "body_hash": key.body_hash,
        "notification_id": notification.id,
        "expires_ms": to_ms(at + LIFE),
    }
    return connection.execute(statement, row).first() is not None


def _due(now: datetime) -> Select[Any]:
    return (
        select(notifications)
        .where(notifications.c.starts_ms <= to_ms(now))
        .order_by(notifications.c.starts_ms)
        .limit(1)
    )

"""How notifications end: completed, expired, or canceled and settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    LargeBinary,
    bindparam,
    case,
    exists,
    literal_column,
    select,
    update,
)

from heliograph.core.clock import to_ms
from heliograph.core.model.notification import NotificationState
from heliograph.storage.database.spelling import Statement, is_one_of
from heliograph.storage.tables.tables import deferred, notifications, shards
from heliograph.storage.webhooks.outbox import wishes_of
from heliograph.storage.webhooks.telling import tell_of_notification

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

_STARTED = (NotificationState.RUNNING.value, NotificationState.PAUSED.value)
_ENDING = (*_STARTED, NotificationState.EXPIRED.value)
_MAY_EXPIRE = (*_STARTED, NotificationState.SCHEDULED.value)


_THIS = (
    notifications.c.application_id == bindparam("application", type_=LargeBinary),
    notifications.c.id == bindparam("notification", type_=LargeBinary),
    is_one_of(notifications.c.state, _ENDING),
)
_LOCK = Statement(lambda _: select(notifications.c.id).where(*_THIS).with_for_update())
_COMPLETE = Statement(
    lambda _: (
        update(notifications)
        .where(
            *_THIS,
            ~exists().where(shards.c.notification_id == notifications.c.id, ~shards.c.is_done),
            ~exists().where(deferred.c.notification_id == notifications.c.id),
        )
        .values(
            state=case(
                (
                    is_one_of(notifications.c.state, _STARTED),
                    literal_column(f"'{NotificationState.COMPLETED.value}'"),
                ),
                else_=notifications.c.state,
            ),
            completed_ms=bindparam("now_ms", type_=BigInteger),
        )
        .returning(notifications.c.state)
    )
)
"""Completes a notification of which nothing is left to do, and says how it stands then."""


def end_if_done(
    connection: Connection, application_id: bytes, notification_id: bytes, now: datetime
) -> None:
    """Complete a notification if nothing of it is left to do; one that expired stays that.

    One that was paused while its last pages were on their way is complete as well.
    """
    this = {"application": application_id, "notification": notification_id}
    # Locked first: of two shards that end together, the second sees the first's end.
    if _LOCK.run(connection, **this).first() is None:
        return
    ended = _COMPLETE.run(connection, **this, now_ms=to_ms(now)).scalar_one_or_none()
    if ended == NotificationState.COMPLETED:
        _tell(connection, application_id, notification_id, NotificationState.COMPLETED, now)


def expire(
    connection: Connection, application_id: bytes, notification_id: bytes, now: datetime
) -> None:
    """Note that a notification's time was over before its whole audience had been tried."""
    expired = connection.execute(
        update(notifications)
        .where(
            notifications.c.application_id == application_id,
            notifications.c.id == notification_id,
            notifications.c.state.in_(_MAY_EXPIRE),
        )
        .values(state=NotificationState.EXPIRED.value)
    )
    if expired.rowcount:
        _tell(connection, application_id, notification_id, NotificationState.EXPIRED, now)


def _tell(
    connection: Connection,
    application_id: bytes,
    notification_id: bytes,
    state: NotificationState,
    now: datetime,
) -> None:
    wishes = wishes_of(connection, [application_id])
    tell_of_notification(connection, application_id, notification_id, state, now, wishes)

"""Subscribes registrations to a label within a transaction that is already going on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from heliograph.core.clock import to_ms
from heliograph.core.ids import Id, new_id
from heliograph.core.model.webhook import EventKind
from heliograph.storage.database.engines import insert_missing
from heliograph.storage.tables.tables import subscriptions, tags
from heliograph.storage.webhooks.telling import tell_of_subscriptions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection


def subscribe(
    connection: Connection,
    application_id: Id,
    label: str,
    registration_ids: Sequence[Id],
    now: datetime,
) -> int:
    """Subscribe living registrations, making the tag if it is new; answer how many are new."""
    connection.execute(
        insert_missing(connection, tags),
        {
            "application_id": application_id,
            "label": label,
            "id": new_id(now),
            "created_ms": to_ms(now),
            "updated_ms": to_ms(now),
        },
    )
    tag_id = connection.execute(
        select(tags.c.id).where(tags.c.application_id == application_id, tags.c.label == label)
    ).scalar_one()
    written = connection.execute(
        insert_missing(connection, subscriptions).returning(subscriptions.c.registration_id),
        [
            {
                "application_id": application_id,
                "tag_id": tag_id,
                "bucket": registration_id[-1],
                "registration_id": registration_id,
                "created_ms": to_ms(now),
            }
            for registration_id in registration_ids
        ],
    )
    new = [row.registration_id for row in written]
    kind = EventKind.SUBSCRIPTION_CREATED
    tell_of_subscriptions(connection, kind, application_id, label, tag_id, new, now)
    return len(new)

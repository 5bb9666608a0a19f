"""Cuts a notification's audience into shards, and lists its recipients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from sqlalchemy import and_, func, insert, literal, or_, select

from heliograph.core.clock import to_ms
from heliograph.core.ids import PREFIXES, Id, new_id, raw_of
from heliograph.core.model.audience import Addresses, Everyone, Registrations, Tags, Users
from heliograph.core.model.delivery import BUCKETS, ShardSource
from heliograph.core.model.registration import token_hash
from heliograph.storage.engines import is_in, is_named
from heliograph.storage.tables import (
    applications,
    audience_members,
    members,
    recipients,
    registrations,
    shards,
    users,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.core.model.notification import Notification

SHARD_SIZE = 20_000
"""Registrations that one shard of a broadcast should hold, roughly."""

SMALL_LANE, BULK_LANE = 0, 1
_SMALL = 1000
"""Up to a page of targets travels in the lane of its own, ahead of broadcasts."""


def cut(connection: Connection, notification: Notification, now: datetime) -> None:
    """Write the shards of a notification that starts now, and what they read from."""
    audience = notification.audience
    source, lane, shard_count = ShardSource.QUERY, BULK_LANE, 1
    match audience:
        case Users(names):
            _list_members(connection, notification, names)
            lane = SMALL_LANE if len(names) <= _SMALL else BULK_LANE
        case Everyone() | Tags():
            shard_count = _shards_for(connection, notification.application_id)
        case Registrations(ids):
            source = ShardSource.LIST
            lane = SMALL_LANE if len(ids) <= _SMALL else BULK_LANE
            _list(
                connection,
                notification,
                ({"registration_id": raw, "bucket": raw[-1]} for raw in ids),
            )
        case Addresses(addresses):
            source = ShardSource.LIST
            lane = SMALL_LANE if len(addresses) <= _SMALL else BULK_LANE
            _list(
                connection,
                notification,
                (
                    {
                        "bucket": token_hash(address.provider, address.token)[-1],
                        "provider": address.provider.value,
                        "token": address.token,
                    }
                    for address in addresses
                ),
            )
        case _:
            assert_never(audience)
    width = BUCKETS // shard_count
    connection.execute(
        insert(shards),
        [
            {
                "id": new_id(now),
                "notification_id": notification.id,
                "application_id": notification.application_id,
                "source": source.value,
                "lane": lane,
                "first_bucket": first,
                "last_bucket": first + width - 1,
                "epoch": 0,
                "leased_until_ms": 0,
                "due_ms": to_ms(now),
                "is_done": False,
            }
            for first in range(0, BUCKETS, width)
        ],
    )


def _shards_for(connection: Connection, application_id: Id) -> int:
    """Say into how many shards a broadcast goes: a power of two, 1 to 256.

    One bucket is counted and stands for all: the hash spreads them evenly.
    """
    in_one = connection.execute(
        select(func.count())
        .select_from(registrations)
        .where(registrations.c.application_id == application_id, registrations.c.bucket == 0)
    ).scalar_one()
    count = 1
    while count < BUCKETS and in_one * BUCKETS > count * SHARD_SIZE:
        count *= 2
    return count


def _list_members(
    connection: Connection, notification: Notification, names: tuple[str, ...]
) -> None:
    """Note which members a list of users names; strangers are left out."""
    connection.execute(
        insert(audience_members).from_select(
            ["notification_id", "member_id"],
            select(literal(notification.id), members.c.id)
            .select_from(applications)
            .join(users, users.c.account_id == applications.c.account_id)
            .join(
                members,
                and_(
                    members.c.user_id == users.c.id,
                    members.c.application_id == applications.c.id,
                ),
            )
            .where(
                applications.c.id == notification.application_id,
                or_(
                    is_named(connection, users.c.external_id, names),
                    is_in(connection, users.c.id, _spelled_ids(names)),
                ),
            ),
        )
    )


def _spelled_ids(names: tuple[str, ...]) -> list[Id]:
    """Read the names that are our own ids, for users whom the customer has not named."""
    prefix = f"{PREFIXES['user']}_"
    own = (raw_of(name.removeprefix(prefix)) for name in names if name.startswith(prefix))
    return [raw for raw in own if raw is not None]


def _list(
    connection: Connection, notification: Notification, rows: Iterable[dict[str, Any]]
) -> None:
    """Store the recipients of a listed audience; ordinals count from 1."""
    blank = {"registration_id": None, "provider": None, "token": None, "variables": None}
    connection.execute(
        insert(recipients),
        [
            blank | {"notification_id": notification.id, "ordinal": ordinal} | row
            for ordinal, row in enumerate(rows, start=1)
        ],
    )

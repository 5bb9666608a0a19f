"""Cuts a notification's audience into shards, and lists its recipients."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, assert_never

from sqlalchemy import LargeBinary, and_, bindparam, func, insert, literal, select

from heliograph.core.clock import to_ms
from heliograph.core.ids import PREFIXES, Id, new_id, raw_of
from heliograph.core.model.audience import (
    Addresses,
    Devices,
    Everyone,
    Recipients,
    Registrations,
    Tags,
    Users,
)
from heliograph.core.model.delivery import BUCKETS, Shard, ShardSource
from heliograph.core.model.registration import token_hash
from heliograph.storage.database.bulk import insertion, insertion_of
from heliograph.storage.database.engines import among, is_in, is_named
from heliograph.storage.database.spelling import Statement, is_listed, listed_values
from heliograph.storage.shards.announcing import announce
from heliograph.storage.tables.tables import (
    COUNTED,
    applications,
    audience_members,
    members,
    recipients,
    registrations,
    shards,
    subscriptions,
    tags,
    users,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Select, SelectBase

    from heliograph.core.model.audience import Narrowed, Recipient
    from heliograph.core.model.delivery import Reservation
    from heliograph.core.model.notification import Notification
    from heliograph.core.model.registration import TokenKind
    from heliograph.storage.database.bulk import Write

SHARD_SIZE = 20_000
"""Registrations that one shard of a broadcast should hold, roughly."""

SMALL_LANE, BULK_LANE = 0, 1
_spell = json.JSONEncoder(separators=(",", ":")).encode
_SMALL = 1000
"""Up to a page of targets travels in the lane of its own, ahead of broadcasts."""
_AUDIENCE_MEMBER = ("notification_id", "member_id")


class Pieces(NamedTuple):
    """What a notification was cut into, still to be written. claimed: the only shard, if it is."""

    writes: Sequence[Write]
    claimed: Shard | None


def cut(
    connection: Connection,
    notification: Notification,
    now: datetime,
    place: Reservation | None = None,
) -> Pieces:
    """Cut a notification that starts now into shards, and list what they read from.

    place: where it begins if it is small; its shard is claimed already then,
    and nobody else needs to hear of it.
    """
    writes: list[Write] = []
    audience = notification.audience
    source, lane, shard_count = ShardSource.QUERY, BULK_LANE, 1
    match audience:
        case Users(names):
            _list_members(connection, notification, names)
            lane = SMALL_LANE if len(names) <= _SMALL else BULK_LANE
        case Everyone() | Tags():
            shard_count = _shards_for(connection, notification.application_id)
            if shard_count == 1 and _is_small(connection, notification):
                lane = SMALL_LANE
        case Devices(names):
            source = ShardSource.LIST
            lane = SMALL_LANE if len(names) <= _SMALL else BULK_LANE
            found = devices_named(
                connection, notification.application_id, audience, notification.options.kind
            )
            writes += _listed(
                notification, [{"registration_id": raw, "bucket": raw[-1]} for raw in found]
            )
        case Registrations(ids):
            source = ShardSource.LIST
            lane = SMALL_LANE if len(ids) <= _SMALL else BULK_LANE
            writes += _listed(
                notification, [{"registration_id": raw, "bucket": raw[-1]} for raw in ids]
            )
        case Addresses(addresses):
            source = ShardSource.LIST
            lane = SMALL_LANE if len(addresses) <= _SMALL else BULK_LANE
            writes += _listed(
                notification,
                [
                    {
                        "bucket": token_hash(address.provider, address.token)[-1],
                        "provider": address.provider.value,
                        "token": address.token,
                        "form": address.form.value,
                    }
                    for address in addresses
                ],
            )
        case Recipients(_, count):
            # Listed when they were accepted, however long ago that was.
            source = ShardSource.RECIPIENTS
            lane = SMALL_LANE if count <= _SMALL else BULK_LANE
        case _:
            assert_never(audience)
    if notification.options.max_per_second is not None:
        # One shard, so that one worker keeps the pace: docs/decisions/0015-lanes.md.
        shard_count = 1
    width = BUCKETS // shard_count
    cut_here = [
        Shard(
            id=new_id(now),
            notification_id=notification.id,
            application_id=notification.application_id,
            source=source,
            first_bucket=first,
            last_bucket=first + width - 1,
            epoch=0,
            cursor=None,
            is_small=lane == SMALL_LANE,
        )
        for first in range(0, BUCKETS, width)
    ]
    if place is not None and lane == SMALL_LANE:
        [small] = cut_here
        claimed = replace(small, epoch=1, leased_until=place.leased_until)
        writes.append(_shards([claimed], now, owner=place.worker))
        return Pieces(writes, claimed)
    announce(connection)
    return Pieces([*writes, _shards(cut_here, now)], None)


def _shards(cut_here: Sequence[Shard], now: datetime, owner: str | None = None) -> Write:
    return insertion_of(
        shards,
        [
            {
                "id": shard.id,
                "notification_id": shard.notification_id,
                "application_id": shard.application_id,
                "source": shard.source.value,
                "lane": SMALL_LANE if shard.is_small else BULK_LANE,
                "first_bucket": shard.first_bucket,
                "last_bucket": shard.last_bucket,
                "owner": owner,
                "epoch": shard.epoch,
                "leased_until_ms": to_ms(shard.leased_until) if shard.leased_until else 0,
                "due_ms": to_ms(now),
                "is_done": False,
            }
            | dict.fromkeys(COUNTED, 0)
            for shard in cut_here
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


def _is_small(connection: Connection, notification: Notification) -> bool:
    """Say whether an audience is no larger than a page: looked at no further than that."""
    application_id, audience = notification.application_id, notification.audience
    if isinstance(audience, Tags):
        labels = select(tags.c.id).where(
            tags.c.application_id == application_id, tags.c.label.in_(audience.labels)
        )
        some = select(subscriptions.c.registration_id).where(
            subscriptions.c.application_id == application_id, subscriptions.c.tag_id.in_(labels)
        )
    else:
        some = select(registrations.c.id).where(registrations.c.application_id == application_id)
    counted = select(func.count()).select_from(some.limit(_SMALL + 1).subquery())
    return int(connection.execute(counted).scalar_one()) <= _SMALL


def _members_of(application: ColumnElement[bytes]) -> Select[tuple[bytes]]:
    return (
        select(members.c.id)
        .select_from(applications)
        .join(users, users.c.account_id == applications.c.account_id)
        .join(
            members,
            and_(
                members.c.user_id == users.c.id,
                members.c.application_id == applications.c.id,
            ),
        )
        .where(applications.c.id == application)
    )


_LIST_NAMED = Statement(
    lambda engine: insert(audience_members).from_select(
        _AUDIENCE_MEMBER,
        _members_of(bindparam("application", type_=LargeBinary))
        .where(is_listed(engine, users.c.external_id))
        .with_only_columns(bindparam("notification", type_=LargeBinary), members.c.id),
    )
)


def _list_members(
    connection: Connection, notification: Notification, names: tuple[str, ...]
) -> None:
    """Note which members a list of users names; strangers are left out."""
    if not _spelled_ids(names):
        _LIST_NAMED.run(
            connection,
            application=notification.application_id,
            notification=notification.id,
            **listed_values(connection, names),
        )
        return
    named = members_named(connection, notification.application_id, names).subquery("named")
    connection.execute(
        insert(audience_members).from_select(
            _AUDIENCE_MEMBER, select(literal(notification.id), named.c.id)
        )
    )


def members_named(connection: Connection, application_id: Id, names: tuple[str, ...]) -> SelectBase:
    """Find an application's members by the customer's ids of their users, or by ours.

    Each in a query of its own: behind an OR, SQLite would read every user of the account.
    """
    everyone = _members_of(literal(application_id))
    by_name = everyone.where(is_named(connection, users.c.external_id, names))
    own_ids = _spelled_ids(names)
    if not own_ids:
        return by_name
    return by_name.union(everyone.where(is_in(connection, users.c.id, own_ids)))


def devices_named(
    connection: Connection, application_id: Id, audience: Devices, kind: TokenKind | None = None
) -> list[Id]:
    """Find the registrations of devices, by each kind of name in a query of its own.

    kind: of the tokens that are meant; None for any.
    """
    row = registrations.c
    ours = [row.application_id == application_id, *narrowed(audience)]
    if kind is not None:
        ours.append(row.kind == kind.value)
    by_name = select(row.id).where(*ours, is_named(connection, row.device_id, audience.device_ids))
    found = [*connection.execute(by_name).scalars()]
    own_ids = _spelled_ids(audience.device_ids, "registration")
    if own_ids:
        source = among(connection, registrations, row.id, own_ids)
        by_id = select(row.id).select_from(source).where(*ours, row.device_id.is_(None))
        found += connection.execute(by_id).scalars()
    return [Id(raw) for raw in sorted(found)]


def narrowed(audience: Narrowed) -> list[ColumnElement[bool]]:
    """Spell which providers' registrations are meant; nothing where all are."""
    names = [name.value for name in audience.providers]
    return [registrations.c.provider.in_(names)] if names else []


def _spelled_ids(names: tuple[str, ...], kind: str = "user") -> list[Id]:
    """Read the names that are our own ids, for what the customer has not named."""
    prefix = f"{PREFIXES[kind]}_"
    own = (raw_of(name.removeprefix(prefix)) for name in names if name.startswith(prefix))
    return [raw for raw in own if raw is not None]


def recipients_of(notification_id: Id, audience: Recipients) -> Write:
    """Store recipients with their variables; ordinals count from 1."""
    rows = [
        _row_of(notification_id, ordinal, each)
        for ordinal, each in enumerate(audience.items, start=1)
    ]
    return insertion(recipients, rows)


def _row_of(notification_id: Id, ordinal: int, recipient: Recipient) -> tuple[Any, ...]:
    """Spell one recipient in the order of the table's columns."""
    address = recipient.address
    variables = _spell(recipient.variables) if recipient.variables else None
    if address is None:
        user_id = recipient.user_id
        return notification_id, ordinal, None, 0, None, None, variables, None, user_id
    provider, token = address.provider, address.token
    bucket = token_hash(provider, token)[-1]
    form = address.form.value
    return notification_id, ordinal, None, bucket, provider.value, token, variables, form, None


def _listed(notification: Notification, rows: Sequence[dict[str, Any]]) -> Sequence[Write]:
    """Store the recipients of a listed audience; ordinals count from 1."""
    listed = [
        {"notification_id": notification.id, "ordinal": ordinal} | row
        for ordinal, row in enumerate(rows, start=1)
    ]
    return [insertion_of(recipients, listed)]

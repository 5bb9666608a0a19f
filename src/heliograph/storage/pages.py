"""Reads a shard's page of targets.

Queries move by keyset over (bucket, id), the key of `registrations`; where a
second table is joined, it is bounded too, or each page would reread it from
its start. Measured: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, and_, exists, literal, or_, select, tuple_
from sqlalchemy.sql.expression import not_

from heliograph.core.clock import to_ms
from heliograph.core.model.audience import Everyone, Tags, Users
from heliograph.core.model.delivery import Cursor, Page, Shard, ShardSource, Target
from heliograph.core.model.registration import (
    Environment,
    ProviderName,
    RegistrationState,
    TokenKind,
    token_hash,
)
from heliograph.storage.engines import LastByte
from heliograph.storage.tables import (
    audience_members,
    deferred,
    recipients,
    registrations,
    subscriptions,
    tags,
    token_holders,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row, Table

    from heliograph.core.model.notification import Notification

_PROVIDERS = {provider.value: provider for provider in ProviderName}
_ENVIRONMENTS: dict[str | None, Environment | None] = {
    None: None,
    **{environment.value: environment for environment in Environment},
}


def read_page(
    connection: Connection,
    shard: Shard,
    notification: Notification,
    cursor: Cursor | None,
    limit: int,
    now: datetime,
) -> Page:
    """Read up to `limit` targets behind `cursor`, in the order of the scan."""
    match shard.source:
        case ShardSource.QUERY:
            query = _query(shard, notification, cursor, now)
        case ShardSource.LIST:
            query = _list(shard, notification, cursor, now)
        case ShardSource.RETRY:
            query = _retry(shard, notification, cursor, now)
    rows = connection.execute(query.limit(limit)).all()
    targets: list[Target] = []
    dropped: list[Cursor] = []
    for row in rows:
        if row.is_registered or row.address_token:
            targets.append(_to_target(row))
        else:
            dropped.append(Cursor(row.bucket, row.recipient, row.target_id))
    last = rows[-1] if len(rows) == limit else None
    behind = Cursor(last.bucket, last.recipient, last.target_id or b"") if last else None
    return Page(targets, behind, dropped)


def _query(
    shard: Shard, notification: Notification, cursor: Cursor | None, now: datetime
) -> Select[Any]:
    """Registrations of an audience that is a query."""
    row = registrations.c
    is_duplicate = _has_smaller_holder(shard, notification, now)
    query = (
        select(
            row.bucket,
            literal(0).label("recipient"),
            row.id.label("target_id"),
            *_carried(registrations),
            literal(0).label("attempts"),
            literal(value=True).label("is_registered"),
        )
        .where(
            row.application_id == shard.application_id,
            row.bucket >= shard.first_bucket,
            row.bucket <= shard.last_bucket,
            _is_in_audience(registrations, shard, notification, now),
            or_(not_(row.shared), not_(is_duplicate)),
        )
        .order_by(row.bucket, row.id)
    )
    if cursor is not None:
        query = query.where(tuple_(row.bucket, row.id) > (cursor.bucket, cursor.target_id))
    return query


def _has_smaller_holder(
    shard: Shard, notification: Notification, now: datetime
) -> ColumnElement[bool]:
    """Whether another registration with the same token gets this notification already."""
    other = registrations.alias("other")
    return exists().where(
        token_holders.c.application_id == shard.application_id,
        token_holders.c.token_hash == registrations.c.token_hash,
        token_holders.c.registration_id < registrations.c.id,
        other.c.application_id == shard.application_id,
        other.c.bucket == LastByte(token_holders.c.registration_id),
        other.c.id == token_holders.c.registration_id,
        _is_in_audience(other, shard, notification, now),
    )


def _is_in_audience(
    table: Any, shard: Shard, notification: Notification, now: datetime
) -> ColumnElement[bool]:
    """Whether a registration is meant and may be sent to."""
    started_at = notification.started_at or notification.created
    conditions = [_may_be_sent_to(table, now), table.c.created_ms <= to_ms(started_at)]
    match notification.audience:
        case Users():
            conditions.append(
                table.c.member_id.in_(
                    select(audience_members.c.member_id).where(
                        audience_members.c.notification_id == notification.id
                    )
                )
            )
        case Tags(labels):
            conditions.append(
                exists().where(
                    subscriptions.c.application_id == shard.application_id,
                    subscriptions.c.tag_id.in_(
                        select(tags.c.id).where(
                            tags.c.application_id == shard.application_id,
                            tags.c.label.in_(labels),
                        )
                    ),
                    subscriptions.c.bucket == table.c.bucket,
                    subscriptions.c.registration_id == table.c.id,
                )
            )
        case Everyone() | _:
            pass
    return and_(*conditions)


def _may_be_sent_to(table: Any, now: datetime) -> ColumnElement[bool]:
    return and_(
        table.c.kind == TokenKind.ALERT.value,
        table.c.state == RegistrationState.ACTIVE.value,
        or_(table.c.silent_after_ms.is_(None), table.c.silent_after_ms > to_ms(now)),
    )


def _list(
    shard: Shard, notification: Notification, cursor: Cursor | None, now: datetime
) -> Select[Any]:
    """Recipients of a listed audience, each with its registration if it names one."""
    listed = recipients.c
    query = _with_registration(
        recipients,
        shard,
        target_id=listed.registration_id,
        address=recipients,
        recipient=listed.ordinal,
        attempts=literal(0),
        now=now,
    ).where(listed.notification_id == notification.id)
    if cursor is not None:
        query = query.where(listed.ordinal > cursor.recipient)
    return query.order_by(listed.ordinal)


def _retry(
    shard: Shard, notification: Notification, cursor: Cursor | None, now: datetime
) -> Select[Any]:
    """Deferred deliveries that were made into this shard, as their targets are now."""
    waiting = deferred.c
    key = (waiting.bucket, waiting.recipient, waiting.target_id)
    query = _with_registration(
        deferred.outerjoin(
            recipients,
            and_(
                recipients.c.notification_id == waiting.notification_id,
                recipients.c.ordinal == waiting.recipient,
            ),
        ),
        shard,
        target_id=waiting.target_id,
        address=recipients,
        recipient=waiting.recipient,
        attempts=waiting.attempts,
        now=now,
        bucket=waiting.bucket,
    ).where(waiting.notification_id == notification.id, waiting.shard_id == shard.id)
    if cursor is not None:
        query = query.where(tuple_(*key) > tuple(cursor))
    return query.order_by(*key)


def _with_registration(
    source: Any,
    shard: Shard,
    *,
    target_id: ColumnElement[Any],
    address: Table,
    recipient: ColumnElement[Any],
    attempts: ColumnElement[Any],
    now: datetime,
    bucket: ColumnElement[Any] | None = None,
) -> Select[Any]:
    """Join a list with the registrations it names; a bare address stands for itself."""
    row = registrations.c
    place = address.c.bucket if bucket is None else bucket
    joined = source.outerjoin(
        registrations,
        and_(
            row.application_id == shard.application_id,
            row.bucket == place,
            row.id == target_id,
            _may_be_sent_to(registrations, now),
        ),
    )
    return select(
        place.label("bucket"),
        recipient.label("recipient"),
        target_id.label("target_id"),
        *_carried(registrations),
        attempts.label("attempts"),
        row.id.is_not(None).label("is_registered"),
        address.c.provider.label("address_provider"),
        address.c.token.label("address_token"),
    ).select_from(joined)


def _carried(table: Table) -> tuple[ColumnElement[Any], ...]:
    row = table.c
    return (
        row.provider,
        row.environment,
        row.token,
        row.token_hash,
        row.attributes,
        row.refreshed_ms,
    )


def _to_target(row: Row[Any]) -> Target:
    if row.is_registered:
        return Target(
            row.target_id,
            row.bucket,
            row.recipient,
            _PROVIDERS[row.provider],
            _ENVIRONMENTS[row.environment],
            row.token,
            row.token_hash,
            row.attributes,
            row.refreshed_ms,
            row.attempts,
            is_registered=True,
        )
    digest = token_hash(row.address_provider, row.address_token)
    return Target(
        digest,
        row.bucket,
        row.recipient,
        _PROVIDERS[row.address_provider],
        None,
        row.address_token,
        digest,
        "{}",
        0,
        row.attempts,
        is_registered=False,
    )

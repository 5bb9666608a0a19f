"""The statements by which a shard's page is read, each spelled once for each engine.

Queries move by keyset over (bucket, id), the key of `registrations`; where a
second table is joined, it is bounded too, or each page would reread it from
its start. Measured: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    LargeBinary,
    Select,
    SmallInteger,
    String,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.sql.expression import not_

from heliograph.core.clock import to_ms
from heliograph.core.model.audience import Narrowed, Tags, Users
from heliograph.core.model.delivery import Cursor, ShardSource
from heliograph.storage.database.engines import LastByte
from heliograph.storage.database.spelling import (
    Statement,
    is_listed,
    is_one_of,
    listed_values,
)
from heliograph.storage.tables.tables import (
    audience_members,
    deferred,
    members,
    recipients,
    registrations,
    subscriptions,
    tags,
    token_holders,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.core.model.delivery import Shard
    from heliograph.core.model.notification import Notification
    from heliograph.core.model.registration import ProviderName

_APPLICATION = bindparam("application", type_=LargeBinary)
_NOTIFICATION = bindparam("notification", type_=LargeBinary)
_NOW = bindparam("now_ms", type_=BigInteger)
_LIMIT = bindparam("limit", type_=Integer)
# SQLite would make one up, without a name to give it a value by.
_OFFSET = bindparam("offset", type_=Integer)
_AT_BUCKET = bindparam("at_bucket", type_=SmallInteger)
_AT_RECIPIENT = bindparam("at_recipient", type_=Integer)
_AT_TARGET = bindparam("at_target", type_=LargeBinary)
_NONE = literal_column("0", Integer)
_CARRIED = ("provider", "environment", "token", "token_hash", "attributes", "refreshed_ms")


def rows_of_query(
    connection: Connection,
    shard: Shard,
    notification: Notification,
    cursor: Cursor | None,
    limit: int,
    now: datetime,
) -> Sequence[Any]:
    """Read (id, bucket, provider, environment, token, hash, attributes, refreshed).

    The rows come straight from the driver: a broadcast has millions of them.
    """
    audience = notification.audience
    kind: Any = type(audience)
    providers = frozenset(audience.providers) if isinstance(audience, Narrowed) else frozenset()
    statement = _query(kind, providers, has_cursor=cursor is not None)
    values = _values(shard, notification, cursor, limit, now)
    if isinstance(audience, Tags):
        values |= listed_values(connection, audience.labels)
    return statement.fetch(connection, **values)


def rows_of_list(
    connection: Connection,
    shard: Shard,
    notification: Notification,
    cursor: Cursor | None,
    limit: int,
    now: datetime,
) -> Sequence[Any]:
    """Read what names its targets one by one: a listed audience, or retries."""
    build = {ShardSource.LIST: _list, ShardSource.RECIPIENTS: _recipients}.get(shard.source, _retry)
    statement = build(has_cursor=cursor is not None)
    return statement.run(connection, **_values(shard, notification, cursor, limit, now)).all()


def _values(
    shard: Shard, notification: Notification, cursor: Cursor | None, limit: int, now: datetime
) -> dict[str, Any]:
    at = cursor or Cursor(shard.first_bucket, 0, b"")
    return {
        "application": shard.application_id,
        "notification": notification.id,
        "shard": shard.id,
        "last_bucket": shard.last_bucket,
        "kind": notification.options.kind.value,
        "started_ms": to_ms(notification.started_at or notification.created),
        "now_ms": to_ms(now),
        "at_bucket": at.bucket,
        "at_recipient": at.recipient,
        "at_target": at.target_id,
        "limit": limit,
        "offset": 0,
    }


@cache
def _query(
    audience: type[object], providers: frozenset[ProviderName], *, has_cursor: bool
) -> Statement:
    """Registrations of an audience that is a query, behind a cursor or from the first bucket."""

    def build(engine: str) -> Select[Any]:
        row = registrations.c
        query = select(row.id, row.bucket, *(row[name] for name in _CARRIED)).where(
            row.application_id == _APPLICATION,
            row.bucket <= bindparam("last_bucket", type_=SmallInteger),
            _is_in_audience(engine, registrations, audience, providers),
            or_(not_(row.shared), not_(_has_smaller_holder(engine, audience, providers))),
        )
        # One lower bound only: with two, SQLite would begin each page at its bucket's start.
        behind = (
            tuple_(row.bucket, row.id) > tuple_(_AT_BUCKET, _AT_TARGET)
            if has_cursor
            else row.bucket >= _AT_BUCKET
        )
        return query.where(behind).order_by(row.bucket, row.id).limit(_LIMIT).offset(_OFFSET)

    return Statement(build)


def _has_smaller_holder(
    engine: str, audience: type[object], providers: frozenset[ProviderName]
) -> ColumnElement[bool]:
    """Whether another registration with the same token gets this notification already."""
    other = registrations.alias("other")
    return exists().where(
        token_holders.c.application_id == _APPLICATION,
        token_holders.c.token_hash == registrations.c.token_hash,
        token_holders.c.registration_id < registrations.c.id,
        other.c.application_id == _APPLICATION,
        other.c.bucket == LastByte(token_holders.c.registration_id),
        other.c.id == token_holders.c.registration_id,
        _is_in_audience(engine, other, audience, providers),
    )


def _is_in_audience(
    engine: str, table: Any, audience: type[object], providers: frozenset[ProviderName]
) -> ColumnElement[bool]:
    """Whether a registration is meant and may be sent to."""
    conditions = [
        _may_be_sent_to(table),
        table.c.created_ms <= bindparam("started_ms", type_=BigInteger),
    ]
    if providers:
        # Spelled out, for there are few: which they are is part of the cached statement.
        conditions.append(is_one_of(table.c.provider, sorted(providers)))
    if audience is Users:
        named = select(audience_members.c.member_id).where(
            audience_members.c.notification_id == _NOTIFICATION
        )
        conditions.append(table.c.member_id.in_(named))
    elif audience is Tags:
        labeled = select(tags.c.id).where(
            tags.c.application_id == _APPLICATION, is_listed(engine, tags.c.label)
        )
        conditions.append(
            exists().where(
                subscriptions.c.application_id == _APPLICATION,
                subscriptions.c.tag_id.in_(labeled),
                subscriptions.c.bucket == table.c.bucket,
                subscriptions.c.registration_id == table.c.id,
            )
        )
    return and_(*conditions)


def _may_be_sent_to(table: Any) -> ColumnElement[bool]:
    return and_(
        table.c.kind == bindparam("kind", type_=String),
        table.c.state == literal_column("'active'"),
        or_(table.c.silent_after_ms.is_(None), table.c.silent_after_ms > _NOW),
    )


@cache
def _list(*, has_cursor: bool) -> Statement:
    """Recipients of a listed audience, each with its registration if it names one."""

    def build(_: str) -> Select[Any]:
        listed = recipients.c
        query = _with_registration(
            recipients,
            target_id=listed.registration_id,
            recipient=listed.ordinal,
            attempts=_NONE,
            bucket=listed.bucket,
        ).where(listed.notification_id == _NOTIFICATION)
        if has_cursor:
            query = query.where(listed.ordinal > _AT_RECIPIENT)
        return query.order_by(listed.ordinal).limit(_LIMIT).offset(_OFFSET)

    return Statement(build)


@cache
def _recipients(*, has_cursor: bool) -> Statement:
    """Recipients by ordinal; those that are users with each of their registrations."""

    def build(_: str) -> Select[Any]:
        listed, row = recipients.c, registrations.c
        # Ordered by keys alone: nothing is sorted, and a page begins where the last one ended.
        order = (listed.ordinal, row.bucket, row.id)
        joined = recipients.outerjoin(
            members,
            and_(members.c.application_id == _APPLICATION, members.c.user_id == listed.user_id),
        ).outerjoin(
            registrations,
            and_(
                row.application_id == _APPLICATION,
                row.member_id == members.c.id,
                _may_be_sent_to(registrations),
                row.created_ms <= bindparam("started_ms", type_=BigInteger),
            ),
        )
        query = (
            select(
                func.coalesce(row.bucket, listed.bucket).label("bucket"),
                listed.ordinal.label("recipient"),
                row.id.label("target_id"),
                *(row[name] for name in _CARRIED),
                _NONE.label("attempts"),
                row.id.is_not(None).label("is_registered"),
                listed.provider.label("address_provider"),
                listed.token.label("address_token"),
                listed.form.label("address_form"),
                listed.variables,
            )
            .select_from(joined)
            .where(listed.notification_id == _NOTIFICATION)
        )
        if has_cursor:
            query = query.where(
                listed.ordinal >= _AT_RECIPIENT,
                or_(
                    listed.ordinal > _AT_RECIPIENT,
                    tuple_(row.bucket, row.id) > tuple_(_AT_BUCKET, _AT_TARGET),
                ),
            )
        return query.order_by(*order).limit(_LIMIT).offset(_OFFSET)

    return Statement(build)


@cache
def _retry(*, has_cursor: bool) -> Statement:
    """Deferred deliveries that were made into this shard, as their targets are now."""

    def build(_: str) -> Select[Any]:
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
            target_id=waiting.target_id,
            recipient=waiting.recipient,
            attempts=waiting.attempts,
            bucket=waiting.bucket,
        ).where(
            waiting.notification_id == _NOTIFICATION,
            waiting.shard_id == bindparam("shard", type_=LargeBinary),
        )
        if has_cursor:
            query = query.where(tuple_(*key) > tuple_(_AT_BUCKET, _AT_RECIPIENT, _AT_TARGET))
        return query.order_by(*key).limit(_LIMIT).offset(_OFFSET)

    return Statement(build)


def _with_registration(
    source: Any,
    *,
    target_id: ColumnElement[Any],
    recipient: ColumnElement[Any],
    attempts: ColumnElement[Any],
    bucket: ColumnElement[Any],
) -> Select[Any]:
    """Join a list with the registrations it names; a bare address stands for itself."""
    row = registrations.c
    joined = source.outerjoin(
        registrations,
        and_(
            row.application_id == _APPLICATION,
            row.bucket == bucket,
            row.id == target_id,
            _may_be_sent_to(registrations),
        ),
    )
    return select(
        bucket.label("bucket"),
        recipient.label("recipient"),
        target_id.label("target_id"),
        *(row[name] for name in _CARRIED),
        attempts.label("attempts"),
        row.id.is_not(None).label("is_registered"),
        recipients.c.provider.label("address_provider"),
        recipients.c.token.label("address_token"),
        recipients.c.form.label("address_form"),
        recipients.c.variables,
    ).select_from(joined)

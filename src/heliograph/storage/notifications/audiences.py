"""Looks up whom a notification would reach, without sending or storing anything.

Source: docs/decisions/0017-dry-runs.md.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, assert_never

from sqlalchemy import ColumnElement, and_, case, exists, func, not_, or_, select

from heliograph.core.clock import to_ms
from heliograph.core.ids import Id
from heliograph.core.model.audience import (
    Addresses,
    Devices,
    Everyone,
    Narrowed,
    Reach,
    Reached,
    Recipients,
    Registrations,
    Tags,
    Users,
)
from heliograph.core.model.delivery import BUCKETS, Target
from heliograph.core.model.registration import (
    Environment,
    ProviderName,
    RegistrationState,
    TokenKind,
)
from heliograph.storage.database.engines import among, is_in
from heliograph.storage.notifications.cutting import devices_named, members_named, narrowed
from heliograph.storage.tables.tables import registrations, subscriptions, tags, users

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, FromClause, Row

    from heliograph.core.model.audience import Audience
    from heliograph.storage.database.database import Database

MOST_COUNTED = 250_000
"""Registrations that one count looks at, roughly: half a second's work of SQLite."""

_STAND_INS = 16
"""Buckets whose size is taken for that of all."""

SAMPLED = 10_000
"""Of a large audience, samples are taken from as many of its first registrations."""


_AT_ONCE = 5000
"""Ids in one statement: SQLite takes 32,766 parameters at most."""


class SqlAudiences:
    """Audiences in a database. most_counted: registrations that one count looks at."""

    def __init__(self, database: Database, *, most_counted: int = MOST_COUNTED) -> None:
        self._database = database
        self._most_counted = most_counted

    async def reach(self, application_id: Id, audience: Audience, *, now: datetime) -> Reach:
        """Count the registrations that an audience reaches now, as far as the bound allows."""
        if isinstance(audience, Addresses):
            counts = Counter(address.provider for address in audience.addresses)
            return Reach(tuple(Reached(name, None, counts[name]) for name in sorted(counts)))

        def work(connection: Connection) -> Reach:
            buckets = BUCKETS
            if isinstance(audience, Everyone | Tags):
                buckets = _buckets_within(connection, application_id, self._most_counted)
            return _count(connection, application_id, audience, buckets, now)

        return await self._database.read(work)

    async def known_users(self, account_id: Id, user_ids: Sequence[Id]) -> frozenset[Id]:
        """Say which of these users an account has."""

        def work(connection: Connection) -> frozenset[Id]:
            found: set[Id] = set()
            for start in range(0, len(user_ids), _AT_ONCE):
                some = user_ids[start : start + _AT_ONCE]
                query = select(users.c.id).where(
                    users.c.account_id == account_id, is_in(connection, users.c.id, some)
                )
                found.update(map(Id, connection.execute(query).scalars()))
            return frozenset(found)

        return await self._database.read(work)

    async def sample(
        self,
        application_id: Id,
        audience: Audience,
        kind: TokenKind,
        *,
        per_provider: int,
        now: datetime,
    ) -> Sequence[Target]:
        """Read some of an audience's registrations, at most so many of each provider."""
        if isinstance(audience, Addresses):
            return []
        if isinstance(audience, Recipients) and not _users_of(audience):
            return []

        def work(connection: Connection) -> list[Target]:
            row = registrations.c
            source, condition = _meant(connection, application_id, audience, now)
            first = (
                select(*_CARRIED)
                .select_from(source)
                .where(condition, row.kind == kind.value)
                .order_by(row.bucket, row.id)
                .limit(SAMPLED)
                .subquery()
            )
            place = func.row_number().over(
                partition_by=first.c.provider, order_by=(first.c.bucket, first.c.id)
            )
            ranked = select(first, place.label("place")).subquery()
            rows = connection.execute(
                select(ranked)
                .where(ranked.c.place <= per_provider)
                .order_by(ranked.c.provider, ranked.c.place)
            ).all()
            return [_to_target(each, _ordinal(audience, each)) for each in rows]

        return await self._database.read(work)


_ROW = registrations.c
_CARRIED = (
    _ROW.id,
    _ROW.bucket,
    _ROW.provider,
    _ROW.environment,
    _ROW.token,
    _ROW.token_hash,
    _ROW.attributes,
    _ROW.refreshed_ms,
    _ROW.user_id,
)


def _buckets_within(connection: Connection, application_id: Id, most: int) -> int:
    """Say how many buckets hold at most so many registrations: 1 to 256.

    Some are counted and stand for all: the hash spreads them evenly, but a
    small registry may have left any single one empty.
    """
    row = registrations.c
    in_some = connection.execute(
        select(func.count())
        .select_from(registrations)
        .where(row.application_id == application_id, row.bucket < _STAND_INS)
    ).scalar_one()
    is_within = in_some * BUCKETS <= most * _STAND_INS
    return BUCKETS if is_within else max(1, most * _STAND_INS // in_some)


def _count(
    connection: Connection,
    application_id: Id,
    audience: Audience,
    buckets: int,
    now: datetime,
) -> Reach:
    row = registrations.c
    source, condition = _meant(connection, application_id, audience, now)
    # A token that several registrations share is sent to once.
    shared = func.count(case((row.shared, row.token_hash)).distinct())
    alone = func.count(case((not_(row.shared), 1)))
    query = (
        select(row.provider, row.kind, (alone + shared).label("count"))
        .select_from(source)
        .where(condition)
        .group_by(row.provider, row.kind)
        .order_by(row.provider, row.kind)
    )
    if buckets < BUCKETS:
        query = query.where(row.bucket < buckets)
    items = tuple(
        Reached(ProviderName(provider), TokenKind(kind), count)
        for provider, kind, count in connection.execute(query)
    )
    return Reach(items, buckets / BUCKETS)


def _meant(
    connection: Connection, application_id: Id, audience: Audience, now: datetime
) -> tuple[FromClause, ColumnElement[bool]]:
    """Say where an audience's registrations are read from, and which are meant."""
    row = registrations.c
    source: FromClause = registrations
    conditions = [
        row.application_id == application_id,
        row.state == RegistrationState.ACTIVE.value,
        or_(row.silent_after_ms.is_(None), row.silent_after_ms > to_ms(now)),
    ]
    if isinstance(audience, Narrowed):
        conditions += narrowed(audience)
    match audience:
        case Users(names):
            conditions.append(row.member_id.in_(members_named(connection, application_id, names)))
        case Tags(labels):
            conditions.append(_is_tagged(application_id, labels))
        case Devices():
            named = devices_named(connection, application_id, audience)
            source = among(connection, registrations, row.id, named)
        case Registrations(ids):
            source = among(connection, registrations, row.id, ids)
        case Recipients():
            conditions.append(is_in(connection, row.user_id, _users_of(audience)))
        case Everyone() | Addresses():
            pass
        case _:
            assert_never(audience)
    return source, and_(*conditions)


def _is_tagged(application_id: Id, labels: Sequence[str]) -> ColumnElement[bool]:
    named = select(tags.c.id).where(
        tags.c.application_id == application_id, tags.c.label.in_(labels)
    )
    return exists().where(
        subscriptions.c.application_id == application_id,
        subscriptions.c.tag_id.in_(named),
        subscriptions.c.bucket == registrations.c.bucket,
        subscriptions.c.registration_id == registrations.c.id,
    )


def _users_of(audience: Recipients) -> list[Id]:
    return sorted({each.user_id for each in audience.items if each.user_id is not None})


def _ordinal(audience: Audience, row: Row[Any]) -> int:
    """Say which place a listed registration or its user has, from 1; 0 in a query."""
    if isinstance(audience, Recipients):
        places = enumerate(audience.items, start=1)
        return next(place for place, each in places if each.user_id == row.user_id)
    if not isinstance(audience, Registrations):
        return 0
    return audience.registration_ids.index(Id(row.id)) + 1


def _to_target(row: Row[Any], ordinal: int) -> Target:
    return Target(
        id=row.id,
        bucket=row.bucket,
        recipient=ordinal,
        provider=ProviderName(row.provider),
        environment=Environment(row.environment) if row.environment else None,
        token=row.token,
        token_hash=row.token_hash,
        attributes=row.attributes,
        refreshed_ms=row.refreshed_ms,
        attempts=0,
        is_registered=True,
    )

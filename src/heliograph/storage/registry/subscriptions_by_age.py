"""Lists subscriptions by the age of their registrations, keys first, as `by_age` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, func, select, tuple_

from heliograph.core.clock import from_ms
from heliograph.core.ids import Id
from heliograph.core.model.listing import Part, RegistrationField, RegistrationFilter
from heliograph.core.model.tag import Subscription
from heliograph.storage.database.engines import InThisOrder, among, is_in
from heliograph.storage.registry.by_age import MOST_CANDIDATES, few
from heliograph.storage.registry.listing import conditions_of, looks_at
from heliograph.storage.tables.rows import select_registrations, to_registration
from heliograph.storage.tables.tables import registrations, subscriptions, tags, users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, FromClause, Row

    from heliograph.core.model.listing import Condition, Window

_KEY_BYTES = 16
_ORDER = (subscriptions.c.registration_id, subscriptions.c.tag_id)

OF_ITS_TAG = and_(
    subscriptions.c.application_id == tags.c.application_id, subscriptions.c.tag_id == tags.c.id
)
OF_ITS_REGISTRATION = and_(
    registrations.c.application_id == subscriptions.c.application_id,
    registrations.c.bucket == subscriptions.c.bucket,
    registrations.c.id == subscriptions.c.registration_id,
)


def page_of_subscriptions(
    connection: Connection,
    application_id: Id,
    conditions: Sequence[Condition],
    window: Window,
    *,
    most: int = MOST_CANDIDATES,
) -> Part[Subscription]:
    """Read one page. most: registrations that are looked up one by one."""
    is_backward, is_placed = window.before is not None, window.after is not None
    query = _wanted(connection, application_id, conditions, most)
    if window.after is not None:
        query = query.where(tuple_(*_ORDER) > _halves(window.after))
    if window.before is not None:
        query = query.where(tuple_(*_ORDER) < _halves(window.before))
    if not (is_placed or is_backward):
        query = query.offset(window.offset)
    order = [column.desc() if is_backward else column for column in _ORDER]
    query = query.order_by(*order).limit(window.limit + (not is_backward))
    found = connection.execute(query).all()
    has_more = bool(found) if is_backward else len(found) > window.limit
    keys = [(row.registration_id, row.tag_id) for row in found[: window.limit]]
    items = _read(connection, application_id, sorted(keys))
    is_end = not has_more and (items or not window.offset)
    return Part(items, has_more, window.offset + len(items) if is_end else None)


def count_subscriptions(
    connection: Connection,
    application_id: Id,
    conditions: Sequence[Condition],
    *,
    most: int = MOST_CANDIDATES,
) -> int:
    """Count what a list holds, to the end."""
    query = _wanted(connection, application_id, conditions, most)
    return connection.execute(query.with_only_columns(func.count())).scalar_one()


def select_subscriptions(source: FromClause = subscriptions) -> Select[Any]:
    """Select subscriptions in the form that `to_subscription` reads.

    source: the table, or a join that narrows it.
    """
    joined = source.join(tags, OF_ITS_TAG).join(registrations, OF_ITS_REGISTRATION)
    return select_registrations(joined).add_columns(
        tags.c.id.label("tag_id"),
        tags.c.label,
        subscriptions.c.created_ms.label("subscribed_ms"),
    )


def to_subscription(row: Row[Any]) -> Subscription:
    """Read a subscription from a row of `select_subscriptions`."""
    return Subscription(
        tag_id=Id(row.tag_id),
        label=row.label,
        registration=to_registration(row),
        created=from_ms(row.subscribed_ms),
    )


def _wanted(
    connection: Connection, application_id: Id, conditions: Sequence[Condition], most: int
) -> Select[Any]:
    """Select the keys of all that is wanted."""
    labels = RegistrationField.LABEL
    by_label = [each for each in conditions if each.field is labels and not each.alternatives]
    others = tuple(each for each in conditions if each not in by_label)
    source: FromClause = subscriptions
    where = [subscriptions.c.application_id == application_id]
    if by_label:
        named = select(tags.c.id).where(
            tags.c.application_id == application_id, *conditions_of(by_label)
        )
        tag_ids = connection.execute(named).scalars().all()
        where.append(is_in(connection, subscriptions.c.tag_id, tag_ids))
    if others:
        keys = None
        if not looks_at(others, labels):
            keys = few(connection, application_id, RegistrationFilter(conditions=others), most)
        if keys is not None:
            key = subscriptions.c.registration_id
            source = among(connection, subscriptions, key, keys)
        else:
            source = InThisOrder(subscriptions, registrations, OF_ITS_REGISTRATION)
            source = source.outerjoin(users, users.c.id == registrations.c.user_id)
            source = source.join(tags, OF_ITS_TAG)
            where += conditions_of(others)
    return select(*_ORDER).select_from(source).where(*where)


def _read(
    connection: Connection, application_id: Id, keys: Sequence[tuple[bytes, bytes]]
) -> list[Subscription]:
    """Read the subscriptions of these keys, in their order."""
    if not keys:
        return []
    narrowed = among(
        connection,
        subscriptions,
        subscriptions.c.registration_id,
        sorted({registration_id for registration_id, _ in keys}),
    )
    query = select_subscriptions(narrowed).where(
        subscriptions.c.application_id == application_id,
        is_in(connection, subscriptions.c.tag_id, sorted({tag_id for _, tag_id in keys})),
    )
    rows = {(row.id, row.tag_id): row for row in connection.execute(query)}
    return [to_subscription(rows[key]) for key in keys]


def _halves(key: bytes) -> tuple[bytes, bytes]:
    return key[:_KEY_BYTES], key[_KEY_BYTES:]

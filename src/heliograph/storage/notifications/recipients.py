"""Notifications that list their recipients, and what their deliveries say of each.

Everything is found by the notification's id, which is where the keys of
`recipients` and `deliveries` begin.

Source: docs/decisions/0023-recipients.md.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, case, func, or_, select, tuple_

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.ids import Id
from heliograph.core.model.delivery import DeliveryState
from heliograph.core.model.recipient import NO_TRACES, Place, RecipientRow, Tally, Traces
from heliograph.core.model.registration import ProviderName
from heliograph.storage.database.engines import is_in, is_postgresql
from heliograph.storage.notifications.documents import marks_text, to_notification
from heliograph.storage.tables.tables import deliveries, notifications, recipients

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Select

    from heliograph.core.model.notification import Notification
    from heliograph.core.model.recipient import RecipientFilter, SendFilter
    from heliograph.storage.database.database import Database


class SqlRecipients:
    """Recipients in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sends(
        self, application_ids: Sequence[Id], wanted: SendFilter, *, before: Id | None, limit: int
    ) -> Sequence[Notification]:
        """List notifications that list their recipients, newest first."""

        def work(connection: Connection) -> list[Row[Any]]:
            # One application after the other: each is read in the order of its index.
            return [
                row
                for application_id in application_ids
                for row in connection.execute(
                    _sends(connection, application_id, wanted, before).limit(limit)
                )
            ]

        rows = await self._database.read(work)
        newest = sorted(rows, key=lambda row: bytes(row.id), reverse=True)[:limit]
        return [to_notification(row) for row in newest]

    async def tallies(self, notification_ids: Sequence[Id]) -> Mapping[Id, Tally]:
        """Count the recipients of notifications by what their deliveries say."""

        def work(connection: Connection) -> list[Any]:
            each = _traced(connection, notification_ids).subquery()
            traces = [each.c[name] for name in _TRACES]
            rows = connection.execute(
                select(
                    each.c.notification_id,
                    *traces,
                    func.count().label("number"),
                    func.max(each.c.last_ms).label("last_ms"),
                ).group_by(each.c.notification_id, *traces)
            )
            return [*rows]

        found: dict[Id, dict[Traces, int]] = {each: {} for each in notification_ids}
        last: dict[Id, int] = {}
        for row in await self._database.read(work):
            of = Id(row.notification_id)
            found[of][_traces_of(row)] = row.number
            last[of] = max(last.get(of, 0), row.last_ms)
        return {
            each: Tally(traces, from_ms(last[each]) if each in last else None)
            for each, traces in found.items()
        }

    async def rows(
        self,
        notification_ids: Sequence[Id],
        wanted: RecipientFilter,
        *,
        before: Place | None,
        limit: int,
    ) -> Sequence[RecipientRow]:
        """List recipients of some notifications, newest first."""

        def work(connection: Connection) -> list[RecipientRow]:
            listed = recipients.c
            query = select(recipients).where(
                is_in(connection, listed.notification_id, notification_ids)
            )
            if before is not None:
                query = query.where(tuple_(listed.notification_id, listed.ordinal) < tuple(before))
            if wanted.user_id is not None:
                query = query.where(listed.user_id == wanted.user_id)
            if wanted.provider is not None:
                is_so = listed.provider == wanted.provider.value
                query = query.where(or_(is_so, listed.user_id.is_not(None)))
            query = query.order_by(listed.notification_id.desc(), listed.ordinal.desc())
            return _with_traces(connection, connection.execute(query.limit(limit)).all())

        return await self._database.read(work)

    async def row(self, notification_id: Id, ordinal: int) -> RecipientRow | None:
        """Read one recipient."""
        listed = recipients.c
        query = select(recipients).where(
            listed.notification_id == notification_id, listed.ordinal == ordinal
        )
        found = await self._database.read(
            lambda connection: _with_traces(connection, connection.execute(query).all())
        )
        return found[0] if found else None


def _sends(
    connection: Connection, application_id: Id, wanted: SendFilter, before: Id | None
) -> Select[Any]:
    row = notifications.c
    query = select(notifications).where(
        row.application_id == application_id, row.recipient_count.is_not(None)
    )
    if before is not None:
        query = query.where(row.id < before)
    if wanted.notification_id is not None:
        query = query.where(row.id == wanted.notification_id)
    if wanted.since is not None:
        query = query.where(row.created_ms >= to_ms(wanted.since))
    if wanted.until is not None:
        query = query.where(row.created_ms < to_ms(wanted.until))
    if wanted.states is not None:
        query = query.where(row.state.in_(sorted(wanted.states)))
    for mark in wanted.marks:
        find = func.strpos if is_postgresql(connection) else func.instr
        query = query.where(find(row.options, marks_text([mark])) > 0)
    return query.order_by(row.id.desc())


def _is(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.max(case((condition, 1), else_=0), type_=Integer)


_FAILED = tuple(
    state.value for state in (DeliveryState.REJECTED, DeliveryState.GONE, DeliveryState.EXPIRED)
)
_TRACES = {
    "is_accepted": _is(deliveries.c.state == DeliveryState.ACCEPTED.value),
    "is_waiting": _is(deliveries.c.state == DeliveryState.DEFERRED.value),
    "is_failed": _is(deliveries.c.state.in_(_FAILED)),
    "is_tried": _is(deliveries.c.attempts > 0),
}


def _traced(connection: Connection, notification_ids: Sequence[Id]) -> Select[Any]:
    """Sum up the deliveries of each recipient."""
    row = deliveries.c
    return (
        select(
            row.notification_id,
            row.recipient,
            *(flag.label(name) for name, flag in _TRACES.items()),
            func.max(row.at_ms).label("last_ms"),
            func.aggregate_strings(func.coalesce(row.provider, ""), ",").label("providers"),
        )
        .where(is_in(connection, row.notification_id, notification_ids))
        .group_by(row.notification_id, row.recipient)
    )


def _with_traces(connection: Connection, rows: Sequence[Row[Any]]) -> list[RecipientRow]:
    """Look up what the deliveries say of some recipients."""
    if not rows:
        return []
    ids = [Id(each) for each in dict.fromkeys(bytes(row.notification_id) for row in rows)]
    query = _traced(connection, ids)
    if len(ids) == 1:
        ordinals = [row.ordinal for row in rows]
        query = query.where(deliveries.c.recipient.between(min(ordinals), max(ordinals)))
    traced = {(bytes(row.notification_id), row.recipient): row for row in connection.execute(query)}
    return [_to_row(row, traced.get((bytes(row.notification_id), row.ordinal))) for row in rows]


def _to_row(row: Row[Any], traced: Row[Any] | None) -> RecipientRow:
    names = [] if traced is None else traced.providers.split(",")
    return RecipientRow(
        place=Place(Id(row.notification_id), row.ordinal),
        user_id=None if row.user_id is None else Id(row.user_id),
        provider=None if row.provider is None else ProviderName(row.provider),
        token=row.token,
        variables=json.loads(row.variables) if row.variables else {},
        traces=NO_TRACES if traced is None else _traces_of(traced),
        providers=frozenset(ProviderName(name) for name in names if name),
        last_at=None if traced is None else from_ms(traced.last_ms),
    )


def _traces_of(row: Row[Any]) -> Traces:
    flags = (row.is_accepted, row.is_waiting, row.is_failed, row.is_tried)
    return Traces(True, *map(bool, flags))  # noqa: FBT003 - the first flag: there are deliveries

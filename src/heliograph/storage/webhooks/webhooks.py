"""Webhooks and what they are owed, in a database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.errors import Conflict, InvalidRequest, Problem, ProblemKind
from heliograph.core.ids import Id
from heliograph.core.model.webhook import (
    Attempt,
    EventKind,
    Webhook,
    WebhookForm,
    WebhookState,
)
from heliograph.core.stores.webhooks import ReplayRange
from heliograph.storage.database.bulk import upsertion, write_rows
from heliograph.storage.database.database import Lane
from heliograph.storage.database.engines import is_in, lock_keys
from heliograph.storage.tables.rows import optional_ms, optional_time
from heliograph.storage.tables.webhooks import (
    webhook_attempts,
    webhook_dispatches,
    webhook_events,
    webhooks,
)
from heliograph.storage.webhooks import dispatching
from heliograph.storage.webhooks.outbox import kinds_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row

    from heliograph.core.model.webhook import Claimed, Visit
    from heliograph.storage.database.database import Database

_ID_TAIL = bytes(10)


class SqlWebhooks:
    """Webhooks, their events and their calls."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_webhook(self, webhook: Webhook, sealed: bytes, *, limit: int) -> None:
        """Write a webhook; raises Conflict for a name that is taken, InvalidRequest past limit."""

        def work(connection: Connection) -> None:
            lock_keys(connection, [webhook.application_id])
            mine = webhooks.c.application_id == webhook.application_id
            counted = select(func.count()).select_from(webhooks).where(mine)
            if connection.execute(counted).scalar_one() >= limit:
                problem = Problem((), ProblemKind.TOO_MANY, f"at most {limit} webhooks")
                raise InvalidRequest([problem])
            _require_free(connection, webhook)
            times = {"not_before_ms": 0, "leased_until_ms": 0, "epoch": 0}
            connection.execute(insert(webhooks), {**_values_of(webhook), **times, "sealed": sealed})

        await self._database.write(work)

    async def webhook(self, application_id: Id, webhook_id: Id) -> tuple[Webhook, bytes] | None:
        """Read a webhook with its sealed secrets."""
        query = select(webhooks).where(_is(application_id, webhook_id))
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else (to_webhook(row), row.sealed)

    async def webhooks(self, application_id: Id) -> Sequence[Webhook]:
        """List an application's webhooks by age."""
        query = (
            select(webhooks)
            .where(webhooks.c.application_id == application_id)
            .order_by(webhooks.c.id)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [to_webhook(row) for row in rows]

    async def change_webhook(
        self, webhook: Webhook, sealed: bytes | None, *, is_fresh: bool
    ) -> bool:
        """Write a webhook anew; False if it is gone. Raises Conflict for a name that is taken."""
        values = _values_of(webhook)
        if sealed is not None:
            values["sealed"] = sealed
        if is_fresh:
            # Whoever is calling the former URL has lost its claim.
            values |= {
                "not_before_ms": 0,
                "leased_until_ms": 0,
                "epoch": webhooks.c.epoch + 1,
            }
        else:
            # These are the caller's findings, who may be at it.
            for name in ("failing_since_ms", "failures"):
                del values[name]

        def work(connection: Connection) -> bool:
            lock_keys(connection, [webhook.application_id])
            _require_free(connection, webhook)
            this = _is(webhook.application_id, webhook.id)
            changed = connection.execute(update(webhooks).where(this).values(values)).rowcount
            if changed and is_fresh:
                connection.execute(
                    update(webhook_dispatches)
                    .where(webhook_dispatches.c.webhook_id == webhook.id)
                    .values(due_ms=to_ms(webhook.updated), attempts=0)
                )
            return bool(changed)

        return await self._database.write(work)

    async def remove_webhook(self, application_id: Id, webhook_id: Id) -> bool:
        """Delete a webhook, what it is owed and its calls."""

        def work(connection: Connection) -> bool:
            lock_keys(connection, [application_id])
            this = _is(application_id, webhook_id)
            if not connection.execute(delete(webhooks).where(this)).rowcount:
                return False
            for table in (webhook_dispatches, webhook_attempts):
                connection.execute(delete(table).where(table.c.webhook_id == webhook_id))
            return True

        return await self._database.write(work)

    async def attempts(self, webhook_id: Id, *, before: Id | None, limit: int) -> Sequence[Attempt]:
        """List the calls of a webhook, newest first."""
        query = (
            select(webhook_attempts)
            .where(webhook_attempts.c.webhook_id == webhook_id)
            .order_by(webhook_attempts.c.id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(webhook_attempts.c.id < before)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_to_attempt(row) for row in rows]

    async def replay(
        self, webhook: Webhook, wanted: ReplayRange | Sequence[Id], *, now: datetime, limit: int
    ) -> int:
        """Owe a webhook events again that it wants and that are still kept."""
        columns = webhook_events.c

        def work(connection: Connection) -> int:
            if isinstance(wanted, ReplayRange):
                since, until = (_first_id(at) for at in (wanted.since, wanted.until))
                is_wanted: ColumnElement[bool] = (columns.id >= since) & (columns.id < until)
            else:
                is_wanted = is_in(connection, columns.id, [*wanted])
            found = connection.execute(
                select(columns.id)
                .where(
                    columns.application_id == webhook.application_id,
                    columns.kind.in_(sorted(webhook.kinds)),
                    is_wanted,
                )
                .order_by(columns.id)
                .limit(limit)
            ).scalars()
            rows = [(webhook.id, raw, webhook.application_id, to_ms(now), 0) for raw in found]
            changing = ("due_ms", "attempts")
            write_rows(connection, upsertion(webhook_dispatches, rows, changing=changing))
            return len(rows)

        return await self._database.write(work)

    async def claim(
        self, *, now: datetime, leased_until: datetime, webhooks: int, events: int
    ) -> Sequence[Claimed]:
        """Take webhooks that have events due and that nobody else holds."""
        # Asked first without a write: an idle server must not wake the disk.
        if not await self._database.read(lambda c: dispatching.is_any_due(c, now)):
            return ()
        rows = await self._database.write(
            lambda c: dispatching.claim(c, now, leased_until, webhooks, events),
            Lane.PAGE,
            is_lasting=False,
        )
        return [dispatching.to_claimed(to_webhook(row), row, owed) for row, owed in rows]

    async def settle(self, visit: Visit) -> bool:
        """Write what came of a claim, and end it; False if it was no longer ours."""
        return await self._database.write(lambda c: dispatching.settle(c, visit), Lane.PAGE)


def to_webhook(row: Row[Any]) -> Webhook:
    """Read a webhook from a row of its table."""
    return Webhook(
        id=Id(row.id),
        application_id=Id(row.application_id),
        url=row.url,
        kinds=kinds_of(row.kinds),
        created=from_ms(row.created_ms),
        updated=from_ms(row.updated_ms),
        name=row.name,
        form=WebhookForm(row.form),
        state=WebhookState(row.state),
        disabled_reason=row.disabled_reason,
        failing_since=optional_time(row.failing_since_ms),
        failures=row.failures,
        settings=json.loads(row.settings),
    )


def _values_of(webhook: Webhook) -> dict[str, Any]:
    return {
        "application_id": webhook.application_id,
        "id": webhook.id,
        "name": webhook.name,
        "url": webhook.url,
        "kinds": " ".join(sorted(webhook.kinds)),
        "form": webhook.form.value,
        "state": webhook.state.value,
        "disabled_reason": webhook.disabled_reason,
        "settings": json.dumps(dict(webhook.settings)),
        "created_ms": to_ms(webhook.created),
        "updated_ms": to_ms(webhook.updated),
        "failing_since_ms": optional_ms(webhook.failing_since),
        "failures": webhook.failures,
    }


def _require_free(connection: Connection, webhook: Webhook) -> None:
    """Refuse a name that another webhook of the application has; raises Conflict."""
    if webhook.name is None:
        return
    other = select(webhooks.c.id).where(
        webhooks.c.application_id == webhook.application_id,
        webhooks.c.name == webhook.name,
        webhooks.c.id != webhook.id,
    )
    if connection.execute(other).first() is not None:
        raise Conflict("webhook", webhook.name)


def _is(application_id: Id, webhook_id: Id) -> Any:
    return (webhooks.c.application_id == application_id) & (webhooks.c.id == webhook_id)


def _first_id(at: datetime) -> bytes:
    """Answer the smallest id of an instant: events sort by age."""
    return max(to_ms(at), 0).to_bytes(6, "big") + _ID_TAIL


def _to_attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        id=Id(row.id),
        event_id=Id(row.event_id),
        kind=EventKind(row.kind),
        at=from_ms(row.at_ms),
        status=row.status,
        detail=row.detail,
        duration_ms=row.duration_ms,
    )

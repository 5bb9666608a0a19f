"""Receipts in a database, and the deliveries that they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.ids import Id
from heliograph.core.model.notification import NotificationState
from heliograph.core.model.receipt import ReceiptCounters, ReceiptKind
from heliograph.core.model.registration import ProviderName
from heliograph.core.stores.webhooks import MessagePlace
from heliograph.core.webhooks.events import of_receipt
from heliograph.storage.database.bulk import upsertion, write_rows
from heliograph.storage.database.engines import insert_missing
from heliograph.storage.database.group_commit import GroupCommit
from heliograph.storage.notifications.silences import note_heard, note_silent
from heliograph.storage.shards.pruning import forget
from heliograph.storage.tables.rows import select_registrations, to_registration
from heliograph.storage.tables.tables import deliveries, notifications, recipients, registrations
from heliograph.storage.tables.webhooks import provider_messages, receipt_counters, receipts
from heliograph.storage.webhooks.outbox import Wishes, wishes_of, write_events

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.core.errors import CoreError
    from heliograph.core.model.delivery import DeliveryRow, PageCommit, Prune
    from heliograph.core.model.receipt import Receipt
    from heliograph.core.model.registration import Registration
    from heliograph.storage.database.database import Database

_AT_ONCE = 256
_KEY = ("notification_id", "bucket", "recipient", "target_id")
_REPORTING = ProviderName.SMS.value
"""Whose messages are found by the network's id; the others' devices speak for themselves."""

_Place = tuple[int, int, bytes]


class SqlReceipts:
    """Receipts; those that wait are written together, as registrations are."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._commit: GroupCommit[Receipt, bool | None] = GroupCommit(self._write, size=_AT_ONCE)

    async def add_receipt(self, receipt: Receipt) -> bool | None:
        """Write a receipt once; True for a new one, None where there is no such delivery."""
        return await self._commit.submit(receipt)

    async def drain(self) -> None:
        """Wait until nothing is being written."""
        await self._commit.drain()

    async def place_of(
        self, application_id: Id, provider: ProviderName, provider_message_id: str
    ) -> MessagePlace | None:
        """Find the delivery that a provider knows by its own id."""
        columns = provider_messages.c
        query = select(columns.notification_id, columns.target_id, columns.recipient).where(
            columns.application_id == application_id,
            columns.provider == provider.value,
            columns.message_id == provider_message_id,
        )
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return row and MessagePlace(Id(row.notification_id), row.target_id, row.recipient)

    async def counters(self, notification_id: Id) -> ReceiptCounters:
        """Count a notification's receipts."""
        query = (
            select(receipt_counters.c.kind, func.sum(receipt_counters.c.number))
            .where(receipt_counters.c.notification_id == notification_id)
            .group_by(receipt_counters.c.kind)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return ReceiptCounters(**{kind: int(number) for kind, number in rows})

    async def of_deliveries(
        self, notification_id: Id, targets: Sequence[tuple[int, bytes]]
    ) -> Mapping[tuple[int, bytes], Mapping[ReceiptKind, datetime]]:
        """Read the receipts of deliveries, named by recipient and target."""
        buckets = sorted({target[-1] for _, target in targets})
        wanted = sorted({target for _, target in targets})
        query = select(
            receipts.c.recipient, receipts.c.target_id, receipts.c.kind, receipts.c.at_ms
        ).where(
            receipts.c.notification_id == notification_id,
            receipts.c.bucket.in_(buckets),
            receipts.c.target_id.in_(wanted),
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        found: dict[tuple[int, bytes], dict[ReceiptKind, datetime]] = {}
        for recipient, target_id, kind, at_ms in rows:
            found.setdefault((recipient, target_id), {})[ReceiptKind(kind)] = from_ms(at_ms)
        return found

    async def _write(self, said: Sequence[Receipt]) -> Sequence[bool | CoreError | None]:
        # In one order for everybody, as the counters are shared: no two deadlock.
        order = sorted(range(len(said)), key=lambda place: _order_of(said[place]))

        def work(connection: Connection) -> list[bool | None]:
            answers: list[bool | None] = [None] * len(said)
            wishes = wishes_of(connection, {receipt.application_id for receipt in said})
            prunes: dict[Id, list[Prune]] = {}
            for place in order:
                answers[place] = _add(connection, said[place], wishes, prunes)
            for application_id, some in sorted(prunes.items()):
                forget(connection, application_id, some, max(each.at for each in said))
            return answers

        return await self._database.write(work)


def remember_messages(
    connection: Connection, commit: PageCommit, rows: Sequence[DeliveryRow]
) -> None:
    """Keep deliveries findable by the ids that a network gave them, for its receipts."""
    shard = commit.shard
    found = {
        row.provider_message_id: (
            shard.application_id,
            row.provider,
            row.provider_message_id,
            shard.notification_id,
            row.bucket,
            row.recipient,
            row.target_id,
        )
        for row in rows
        if row.provider == _REPORTING and row.provider_message_id
    }
    if found:
        named = [found[name] for name in sorted(found, key=str)]
        write_rows(connection, upsertion(provider_messages, named, changing=_KEY))


def _add(
    connection: Connection, receipt: Receipt, wishes: Wishes, prunes: dict[Id, list[Prune]]
) -> bool | None:
    """Write a receipt once. prunes: what it shows to be dead, by application."""
    place = _place_of(connection, receipt)
    if place is None:
        return None
    bucket, recipient, target_id = place
    key = {
        "notification_id": receipt.notification_id,
        "bucket": bucket,
        "recipient": recipient,
        "target_id": target_id,
        "kind": receipt.kind.value,
    }
    written = connection.execute(
        insert_missing(connection, receipts).returning(receipts.c.kind),
        key | {"at_ms": to_ms(receipt.at), "detail": receipt.detail},
    )
    if written.first() is None:
        return False
    _count(connection, receipt, bucket)
    if wishes.wants(receipt.application_id, [receipt.kind.event_kind]):
        whose = _registration(connection, receipt.application_id, target_id)
        write_events(connection, [of_receipt(receipt, whose)], wishes)
    if receipt.was_reached:
        note_heard(connection, receipt, target_id)
    elif receipt.was_reached is False:
        registration = _registration(connection, receipt.application_id, target_id)
        if registration is not None:
            prune = note_silent(connection, receipt, registration)
            prunes.setdefault(receipt.application_id, []).extend(filter(None, [prune]))
    return True


def _count(connection: Connection, receipt: Receipt, bucket: int) -> None:
    """Count one more. By bucket, so that a million phones do not wait for one row."""
    counter = {
        "notification_id": receipt.notification_id,
        "kind": receipt.kind.value,
        "bucket": bucket,
    }
    connection.execute(insert_missing(connection, receipt_counters), counter | {"number": 0})
    connection.execute(
        update(receipt_counters)
        .where(*(receipt_counters.c[name] == value for name, value in counter.items()))
        .values(number=receipt_counters.c.number + 1)
    )


def _place_of(connection: Connection, receipt: Receipt) -> _Place | None:
    """Find where a delivery is recorded, or will be once its page is committed.

    A phone may answer before the thousand pushes of its page are written.
    """
    state = connection.execute(
        select(notifications.c.state).where(
            notifications.c.application_id == receipt.application_id,
            notifications.c.id == receipt.notification_id,
        )
    ).scalar_one_or_none()
    if state is None:
        return None
    listed = _listed(connection, receipt)
    target_id = receipt.target_id
    for bucket, recipient in [(target_id[-1], 0)] if target_id and not listed else listed:
        columns = deliveries.c
        named = () if target_id is None else (columns.target_id == target_id,)
        found = connection.execute(
            select(columns.target_id).where(
                columns.notification_id == receipt.notification_id,
                columns.bucket == bucket,
                columns.recipient == recipient,
                *named,
            )
        ).scalar_one_or_none()
        if found is not None:
            return bucket, recipient, found
        if (
            target_id is not None
            and state == NotificationState.RUNNING
            and _registration(connection, receipt.application_id, target_id) is not None
        ):
            return bucket, recipient, target_id
    return None


def _listed(connection: Connection, receipt: Receipt) -> list[tuple[int, int]]:
    """Answer the bucket and the ordinal that a listed audience gave a target."""
    columns = recipients.c
    query = select(columns.bucket, columns.ordinal).where(
        columns.notification_id == receipt.notification_id
    )
    if receipt.recipient:
        query = query.where(columns.ordinal == receipt.recipient)
    else:
        query = query.where(columns.registration_id == receipt.target_id)
    return [(row.bucket, row.ordinal) for row in connection.execute(query.limit(1))]


def _registration(
    connection: Connection, application_id: bytes, target_id: bytes
) -> Registration | None:
    columns = registrations.c
    row = connection.execute(
        select_registrations().where(
            columns.application_id == application_id,
            columns.bucket == target_id[-1],
            columns.id == target_id,
        )
    ).one_or_none()
    return None if row is None else to_registration(row)


def _order_of(receipt: Receipt) -> tuple[Any, ...]:
    target = receipt.target_id or b""
    return receipt.notification_id, receipt.kind.value, target[-1:], target, receipt.recipient or 0

"""Writes what a batch came to, and removes registrations with all that hangs on them."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from heliograph.core.clock import to_ms
from heliograph.storage.database.bulk import (
    Write,
    deletion,
    insertion,
    insertion_of_missing,
    updating,
    write_rows,
    write_rows_and_ask,
)
from heliograph.storage.database.spelling import key_values
from heliograph.storage.registry.departures import let_go
from heliograph.storage.tables.rows import row_of
from heliograph.storage.tables.tables import (
    registrations,
    token_holders,
)
from heliograph.storage.webhooks.outbox import WISHES, wishes_from
from heliograph.storage.webhooks.telling import tell_of_registrations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.core.ids import Id
    from heliograph.core.model.registration import DepartureReason, Registration
    from heliograph.core.registrations.claims import RegistryChanges

_KEY = ("application_id", "bucket", "id")
_COLUMNS = tuple(registrations.columns.keys())
_CHANGING = tuple(name for name in _COLUMNS if name not in (*_KEY, "slot", "created_ms"))
_changing_of = itemgetter(*(_COLUMNS.index(name) for name in _CHANGING))
_STAYING = tuple(name for name in _CHANGING if name != "provider")
_staying_of = itemgetter(*(_COLUMNS.index(name) for name in _STAYING))
_HOLDER = ("application_id", "token_hash", "registration_id")


def write_changes(
    connection: Connection,
    changes: RegistryChanges,
    at: datetime,
    *,
    beside: Sequence[Write] = (),
) -> None:
    """Write the end state of a batch; what leaves goes first, to free its slot.

    beside: what else the batch has to write, in the same trip.
    """
    if changes.removed:
        remove_registrations(connection, changes.removed, at)
    writes = (*beside, *_writes(changes))
    told = {
        row.application_id
        for row in (*changes.added, *changes.changed, *(row for row, _ in changes.removed))
    }
    if not told:
        write_rows(connection, *writes)
        return
    wishes = wishes_from(
        write_rows_and_ask(connection, *writes, question=WISHES, **key_values(connection, told))
    )
    tell_of_registrations(
        connection,
        at,
        wishes,
        created=changes.added,
        updated=changes.changed,
        deleted=changes.removed,
    )


def _writes(changes: RegistryChanges) -> Sequence[Write]:
    coming = (*changes.added, *(after for _, after in changes.moved_tokens))
    # A provider that is written again, though it is the same, costs SQLite an index and a trigger.
    new_provider = {
        after.id for before, after in changes.moved_tokens if before.provider != after.provider
    }
    moving = [row for row in changes.changed if row.id in new_provider]
    staying = [row for row in changes.changed if row.id not in new_provider]
    return (
        deletion(
            token_holders, _HOLDER, [_holder_of(before) for before, _ in changes.moved_tokens]
        ),
        insertion(registrations, [row_of(row) for row in changes.added]),
        updating(
            registrations,
            _KEY,
            _STAYING,
            [(*_key_of(row), *_staying_of(row_of(row))) for row in staying],
        ),
        updating(
            registrations,
            _KEY,
            _CHANGING,
            [(*_key_of(row), *_changing_of(row_of(row))) for row in moving],
        ),
        insertion_of_missing(token_holders, [_holder_of(row) for row in coming]),
        updating(
            registrations,
            _KEY,
            ("refreshed_ms",),
            [(*_key_of(row), to_ms(row.refreshed)) for row in changes.touched],
        ),
    )


def remove_registrations(
    connection: Connection,
    leaving: Sequence[tuple[Registration, DepartureReason]],
    at: datetime,
    *,
    notes: str | None = None,
) -> None:
    """Delete locked rows with their token holders and subscriptions; keep a snapshot.

    notes: the provider's own words, where it was a provider who said so.
    """
    let_go(connection, [(row_of(row), reason, notes) for row, reason in leaving], to_ms(at))


def _key_of(row: Registration) -> tuple[Id, int, Id]:
    return row.application_id, row.bucket, row.id


def _holder_of(row: Registration) -> tuple[Id, bytes, Id]:
    return row.application_id, row.token_hash, row.id

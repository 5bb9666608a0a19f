"""Writes what a batch came to, and removes registrations with all that hangs on them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert

from heliograph.core.clock import to_ms
from heliograph.storage.database.bulk import (
    delete_rows,
    insert_new_rows,
    insert_rows,
    update_rows,
    upsert_rows,
)
from heliograph.storage.tables.rows import from_registration, row_of
from heliograph.storage.tables.tables import (
    departed_registrations,
    registrations,
    subscriptions,
    token_holders,
)
from heliograph.storage.webhooks.telling import tell_of_registrations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.core.ids import Id
    from heliograph.core.model.registration import DepartureReason, Registration
    from heliograph.core.registrations.claims import RegistryChanges

_KEY = ("application_id", "bucket", "id")
_CHANGING = tuple(
    c.name for c in registrations.columns if c.name not in (*_KEY, "slot", "created_ms")
)
_HOLDER = ("application_id", "token_hash", "registration_id")


def write_changes(connection: Connection, changes: RegistryChanges, at: datetime) -> None:
    """Write the end state of a batch; what leaves goes first, to free its slot."""
    if changes.removed:
        remove_registrations(connection, changes.removed, at)
    delete_rows(
        connection,
        token_holders,
        _HOLDER,
        [_holder_of(before) for before, _ in changes.moved_tokens],
    )
    insert_rows(connection, registrations, [row_of(row) for row in changes.added])
    upsert_rows(
        connection, registrations, [row_of(row) for row in changes.changed], changing=_CHANGING
    )
    insert_new_rows(
        connection,
        token_holders,
        [
            _holder_of(row)
            for row in (*changes.added, *(after for _, after in changes.moved_tokens))
        ],
    )
    update_rows(
        connection,
        registrations,
        _KEY,
        ("refreshed_ms",),
        [(*_key_of(row), to_ms(row.refreshed)) for row in changes.touched],
    )
    tell_of_registrations(
        connection,
        at,
        created=changes.added,
        updated=changes.changed,
        deleted=changes.removed,
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
    by_application: dict[bytes, list[Registration]] = {}
    for row, _ in leaving:
        by_application.setdefault(row.application_id, []).append(row)
    delete_rows(connection, registrations, _KEY, [_key_of(row) for row, _ in leaving])
    for application_id, rows in by_application.items():
        connection.execute(
            delete(subscriptions).where(
                subscriptions.c.application_id == application_id,
                subscriptions.c.registration_id.in_([row.id for row in rows]),
            )
        )
    delete_rows(connection, token_holders, _HOLDER, [_holder_of(row) for row, _ in leaving])
    connection.execute(
        insert(departed_registrations),
        [_departed(row, reason, at, notes) for row, reason in leaving],
    )


def _departed(
    row: Registration, reason: DepartureReason, at: datetime, notes: str | None
) -> dict[str, Any]:
    snapshot = {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in from_registration(row).items()
    }
    if notes is not None:
        snapshot["notes"] = notes
    return {
        "application_id": row.application_id,
        "id": row.id,
        "reason": reason.value,
        "provider": row.provider.value,
        "token_hash": row.token_hash,
        "snapshot": json.dumps(snapshot),
        "departed_ms": to_ms(at),
        "member_id": row.member_id,
    }


def _key_of(row: Registration) -> tuple[Id, int, Id]:
    return row.application_id, row.bucket, row.id


def _holder_of(row: Registration) -> tuple[Id, bytes, Id]:
    return row.application_id, row.token_hash, row.id

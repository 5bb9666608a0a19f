"""Writes what a batch came to, and removes registrations with all that hangs on them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, insert, update

from heliograph.core.clock import to_ms
from heliograph.storage.bulk import insert_new_rows, insert_rows, run_rows, upsert_rows
from heliograph.storage.rows import from_registration, row_of
from heliograph.storage.tables import (
    departed_registrations,
    registrations,
    subscriptions,
    token_holders,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.core.claims import RegistryChanges
    from heliograph.core.ids import Id
    from heliograph.core.model.registration import DepartureReason, Registration

_KEY = ("application_id", "bucket", "id")
_CHANGING = tuple(
    c.name for c in registrations.columns if c.name not in (*_KEY, "slot", "created_ms")
)
_KEYS = ("key_application_id", "key_bucket", "key_id")
_HOLDER = ("key_application_id", "key_token_hash", "key_id")

_BY_KEY = [registrations.c[name] == bindparam(f"key_{name}") for name in _KEY]
_TOUCH = update(registrations).where(*_BY_KEY).values(refreshed_ms=bindparam("at_ms"))
_REMOVE = delete(registrations).where(*_BY_KEY)
_DROP_HOLDER = delete(token_holders).where(
    token_holders.c.application_id == bindparam("key_application_id"),
    token_holders.c.token_hash == bindparam("key_token_hash"),
    token_holders.c.registration_id == bindparam("key_id"),
)


def write_changes(connection: Connection, changes: RegistryChanges, at: datetime) -> None:
    """Write the end state of a batch; what leaves goes first, to free its slot."""
    if changes.removed:
        remove_registrations(connection, changes.removed, at)
    run_rows(
        connection,
        _DROP_HOLDER,
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
    run_rows(
        connection,
        _TOUCH,
        (*_KEYS, "at_ms"),
        [(*_key_of(row), to_ms(row.refreshed)) for row in changes.touched],
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
    run_rows(connection, _REMOVE, _KEYS, [_key_of(row) for row, _ in leaving])
    for application_id, rows in by_application.items():
        connection.execute(
            delete(subscriptions).where(
                subscriptions.c.application_id == application_id,
                subscriptions.c.registration_id.in_([row.id for row in rows]),
            )
        )
    run_rows(connection, _DROP_HOLDER, _HOLDER, [_holder_of(row) for row, _ in leaving])
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
    }


def _key_of(row: Registration) -> tuple[Id, int, Id]:
    return row.application_id, row.bucket, row.id


def _holder_of(row: Registration) -> tuple[Id, bytes, Id]:
    return row.application_id, row.token_hash, row.id

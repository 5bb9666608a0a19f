"""Rows of registrations that leave: what goes with them, and what is kept of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import LargeBinary

from heliograph.storage.database.bulk import deletion, insertion, write_rows
from heliograph.storage.tables.tables import (
    departed_registrations,
    registrations,
    subscriptions,
    token_holders,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from heliograph.core.model.registration import DepartureReason

_COLUMNS = tuple(registrations.columns.keys())
_BYTES = tuple(c.name for c in registrations.columns if isinstance(c.type, LargeBinary))
_APPLICATION, _BUCKET, _ID, _HASH, _PROVIDER, _MEMBER = map(
    _COLUMNS.index, ("application_id", "bucket", "id", "token_hash", "provider", "member_id")
)
_spell = json.JSONEncoder(separators=(",", ":")).encode


def let_go(
    connection: Connection,
    leaving: Sequence[tuple[Sequence[Any], DepartureReason, str | None]],
    at_ms: int,
) -> None:
    """Delete locked rows with their token holders and subscriptions; keep a snapshot of each.

    leaving: rows in the order of their table's columns, why they leave, and
    the provider's own words where it was a provider who said so.
    """
    rows = [row for row, *_ in leaving]
    write_rows(
        connection,
        deletion(
            registrations,
            ("application_id", "bucket", "id"),
            [(row[_APPLICATION], row[_BUCKET], row[_ID]) for row in rows],
        ),
        deletion(
            subscriptions,
            ("application_id", "registration_id"),
            [(row[_APPLICATION], row[_ID]) for row in rows],
        ),
        deletion(
            token_holders,
            ("application_id", "token_hash", "registration_id"),
            [(row[_APPLICATION], row[_HASH], row[_ID]) for row in rows],
        ),
        insertion(departed_registrations, [_departed(*each, at_ms) for each in leaving]),
    )


def _departed(
    row: Sequence[Any], reason: DepartureReason, notes: str | None, at_ms: int
) -> tuple[Any, ...]:
    """Spell a departure in the order of its table's columns; bytes as hexadecimal digits."""
    snapshot = dict(zip(_COLUMNS, row, strict=True))
    for name in _BYTES:
        value = snapshot[name]
        if value is not None:
            snapshot[name] = value.hex()
    snapshot["shared"] = bool(snapshot["shared"])
    if notes is not None:
        snapshot["notes"] = notes
    return (
        row[_APPLICATION],
        row[_ID],
        reason.value,
        row[_PROVIDER],
        row[_HASH],
        _spell(snapshot),
        at_ms,
        row[_MEMBER],
    )

"""What networks report of phones, kept until it is known whether a number is nobody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.model.delivery import Prune
from heliograph.core.notifications.silence import Silence, is_nobodys, prolonged
from heliograph.storage.database.bulk import upsertion, write_rows
from heliograph.storage.tables.silences import networks_heard, silences

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.core.model.receipt import Receipt
    from heliograph.core.model.registration import Registration

_HEARD_EVERY_MS = 3_600_000
"""How often it is noted that an application's network reaches somebody."""


def note_heard(connection: Connection, receipt: Receipt, target_id: bytes) -> None:
    """Note that a phone was reached, which ends its silence."""
    connection.execute(
        delete(silences).where(
            silences.c.application_id == receipt.application_id,
            silences.c.registration_id == target_id,
        )
    )
    heard_at, now_ms = _heard_at(connection, receipt), to_ms(receipt.at)
    if heard_at is None or now_ms - to_ms(heard_at) >= _HEARD_EVERY_MS:
        row = (receipt.application_id, now_ms)
        write_rows(connection, upsertion(networks_heard, [row], changing=("heard_ms",)))


def note_silent(
    connection: Connection, receipt: Receipt, registration: Registration
) -> Prune | None:
    """Note that a phone was not reached; answer what to forget, if its number is nobody's."""
    columns = silences.c
    row = connection.execute(
        select(columns.reports, columns.since_ms, columns.latest_ms).where(
            columns.application_id == receipt.application_id,
            columns.registration_id == registration.id,
        )
    ).one_or_none()
    known = row and Silence(row.reports, from_ms(row.since_ms), from_ms(row.latest_ms))
    silence = prolonged(known, receipt.at, refreshed=registration.refreshed)
    if is_nobodys(silence, heard_at=_heard_at(connection, receipt)):
        connection.execute(delete(silences).where(columns.registration_id == registration.id))
        return Prune(
            registration.id,
            registration.token_hash,
            to_ms(registration.refreshed),
            f"{silence.reports} messages in a row were not delivered",
        )
    noted = (
        receipt.application_id,
        registration.id,
        silence.reports,
        to_ms(silence.since),
        to_ms(silence.latest),
    )
    changing = ("reports", "since_ms", "latest_ms")
    write_rows(connection, upsertion(silences, [noted], changing=changing))
    return None


def _heard_at(connection: Connection, receipt: Receipt) -> datetime | None:
    """Say when the application's network last reached anybody, to the hour."""
    found = connection.execute(
        select(networks_heard.c.heard_ms).where(
            networks_heard.c.application_id == receipt.application_id
        )
    ).scalar_one_or_none()
    return None if found is None else from_ms(found)

"""Fills a database with registrations as if an hour had passed since."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import TYPE_CHECKING

from heliograph.core.clock import SystemClock, to_ms
from heliograph.core.ids import Id, new_id
from heliograph.core.model.registration import Slot, token_hash
from heliograph.core.registrations.slots import slot_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

AGE_MS = 3_600_000
CHUNK = 50_000

COLUMNS = {
    "users": ("id", "account_id", "external_id", "created_ms"),
    "members": ("application_id", "user_id", "id"),
    "registrations": (
        "application_id", "bucket", "id", "slot", "provider", "environment", "kind", "token",
        "token_hash", "claim", "shared", "user_id", "member_id", "session_id", "device_id",
        "origin", "attributes", "state", "created_ms", "refreshed_ms", "silent_after_ms",
    ),
    "token_holders": ("application_id", "token_hash", "registration_id"),
}  # fmt: skip

Rows = dict[str, list[tuple[object, ...]]]


def device_of(number: int) -> str:
    """Name a device."""
    return f"device-{number:09d}"


def user_of(number: int) -> str:
    """Name the user of a device."""
    return f"user-{number:09d}"


def token_of(number: int, generation: int = 0) -> str:
    """Make a device's APNs token; a rotated one is of the next generation."""
    return hashlib.sha256(f"{number}/{generation}".encode()).hexdigest()


def always_apns(number: int) -> str:
    """Say what carries a device's pushes."""
    del number
    return "apns"


def chunks(
    account_id: Id,
    application_id: Id,
    count: int,
    provider_of: Callable[[int], str] = always_apns,
) -> Iterator[Rows]:
    """Make the rows of `count` registered devices, chunk by chunk, in key order."""
    now = SystemClock().now()
    then_ms = to_ms(now) - AGE_MS
    for first in range(0, count, CHUNK):
        rows: Rows = {name: [] for name in COLUMNS}
        for number in range(first, min(first + CHUNK, count)):
            user_id, member_id = new_id(now), new_id(now)
            token, device = token_of(number), device_of(number)
            provider = provider_of(number)
            digest = token_hash(provider, token)
            slot = slot_hash(
                application_id,
                Slot(device_id=device),
                user_id=user_id,
                provider=provider,
                token_hash=digest,
            )
            registration_id = new_id(now, last_byte=slot[-1])
            rows["users"].append((user_id, account_id, user_of(number), then_ms))
            rows["members"].append((application_id, user_id, member_id))
            rows["registrations"].append(
                (application_id, slot[-1], registration_id, slot, provider, None, "alert", token,
                 digest, "exclusive", False, user_id, member_id, None, device, "native", "{}",
                 "active", then_ms, then_ms, None)
            )  # fmt: skip
            rows["token_holders"].append((application_id, digest, registration_id))
        for name in ("registrations", "token_holders"):
            rows[name].sort(key=lambda row: row[:3])
        yield rows


def fill_sqlite(
    path: Path,
    account_id: Id,
    application_id: Id,
    count: int,
    provider_of: Callable[[int], str] = always_apns,
) -> None:
    """Write the rows straight into the file: nothing here needs to survive a crash."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-524288")
    for rows in chunks(account_id, application_id, count, provider_of):
        with connection:
            for table, values in rows.items():
                names, marks = ", ".join(COLUMNS[table]), ", ".join("?" * len(COLUMNS[table]))
                connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


async def fill_postgresql(
    url: str,
    account_id: Id,
    application_id: Id,
    count: int,
    provider_of: Callable[[int], str] = always_apns,
) -> None:
    """Copy the rows in, then let the planner see them."""
    import asyncpg

    connection = await asyncpg.connect(url)
    for rows in chunks(account_id, application_id, count, provider_of):
        for table, values in rows.items():
            await connection.copy_records_to_table(table, records=values, columns=COLUMNS[table])
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    await connection.close()

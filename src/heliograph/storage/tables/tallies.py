"""Table of how many registrations an application has of each provider: kept by triggers alone.

A tally is the sum of its lanes, of which each may be negative: what came in by
one may leave by another. Each transaction on PostgreSQL has a lane of its own.

Source: docs/decisions/0031-tallies.md.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from heliograph.storage.tables.tables import metadata

registration_tallies = Table(
    "registration_tallies",
    metadata,
    Column("application_id", LargeBinary(16), primary_key=True),
    Column("provider", String(32), primary_key=True),
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("amount", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

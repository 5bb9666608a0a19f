"""Tables of what networks say of phones: which are silent, and that others are not.

Source: docs/providers/sms.md, "Receipts".
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table

from heliograph.storage.tables.tables import metadata

silences = Table(
    "silences",
    metadata,
    Column("application_id", LargeBinary(16), primary_key=True),
    Column("registration_id", LargeBinary(16), primary_key=True),
    Column("reports", Integer, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("latest_ms", BigInteger, nullable=False),
    Index("ix_silences_latest", "latest_ms"),
    sqlite_with_rowid=False,
)

networks_heard = Table(
    "networks_heard",
    metadata,
    Column("application_id", LargeBinary(16), primary_key=True),
    Column("heard_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

"""Tables and indexes of who sends by what: spare credentials, and sends to listed recipients."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table, text

from heliograph.storage.tables.tables import metadata, notifications

spare_credentials = Table(
    "spare_credentials",
    metadata,
    Column("application_id", LargeBinary(16), primary_key=True),
    Column("id", LargeBinary(16), primary_key=True),
    Column("provider", String(32), nullable=False),
    Column("environment", String(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)

Index(
    "ix_notifications_listed",
    notifications.c.application_id,
    notifications.c.id,
    sqlite_where=text("recipient_count IS NOT NULL"),
    postgresql_where=text("recipient_count IS NOT NULL"),
)

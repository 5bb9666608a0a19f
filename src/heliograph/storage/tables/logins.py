"""Tables of logins, and of what was revoked.

Source: docs/decisions/0024-logins.md.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from heliograph.storage.tables.tables import metadata


def _id(name: str, *, key: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary(16), primary_key=key, nullable=False)


logins = Table(
    "logins",
    metadata,
    _id("application_id", key=True),
    _id("id", key=True),
    Column("form", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    _id("user_id"),
    Column("password_hash", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Index("ix_logins_name", "application_id", "form", "name_key", unique=True),
    Index("ix_logins_user", "application_id", "form", "user_id", unique=True),
)

revocations = Table(
    "revocations",
    metadata,
    _id("application_id", key=True),
    _id("user_id", key=True),
    Column("number", Integer, nullable=False),
    sqlite_with_rowid=False,
)

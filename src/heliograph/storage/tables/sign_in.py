"""Tables of whom applications trust, of nonces that were used, and of how members stand.

Source: docs/decisions/0025-issuers.md.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from heliograph.storage.tables.tables import metadata


def _id(name: str, *, key: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary(16), primary_key=key, nullable=False)


issuers = Table(
    "issuers",
    metadata,
    _id("application_id", key=True),
    _id("id", key=True),
    Column("form", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("audience", Text),
    Column("keys", Text, nullable=False),
    Column("jwks_url", Text),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("application_id", "form", "name"),
)

spent_nonces = Table(
    "spent_nonces",
    metadata,
    _id("digest", key=True),
    Column("expires_ms", BigInteger, nullable=False),
    Index("ix_spent_nonces_expires", "expires_ms"),
    sqlite_with_rowid=False,
)

member_states = Table(
    "member_states",
    metadata,
    _id("application_id", key=True),
    _id("user_id", key=True),
    Column("badge", Integer),
    Column("suspended_ms", BigInteger),
    sqlite_with_rowid=False,
)

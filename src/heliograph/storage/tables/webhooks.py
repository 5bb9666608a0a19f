"""Tables of webhooks, of what they are owed, and of receipts.

`webhook_events` and `webhook_dispatches` are the outbox: rows of both are
written in the transaction of the change that they tell of.

Source: docs/decisions/0021-webhooks.md.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from heliograph.storage.tables.tables import metadata


def _id(name: str, *, key: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary(16), primary_key=key, nullable=False)


def _word(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, String(32), primary_key=key, nullable=False)


def _ms(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


webhooks = Table(
    "webhooks",
    metadata,
    _id("application_id", key=True),
    _id("id", key=True),
    Column("name", Text),
    Column("url", Text, nullable=False),
    Column("kinds", Text, nullable=False),
    _word("form"),
    _word("state"),
    Column("disabled_reason", Text),
    Column("settings", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    _ms("created_ms"),
    _ms("updated_ms"),
    _ms("failing_since_ms", null=True),
    Column("failures", Integer, nullable=False),
    _ms("not_before_ms"),
    _ms("leased_until_ms"),
    Column("epoch", Integer, nullable=False),
    UniqueConstraint("application_id", "name"),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    _id("application_id", key=True),
    _id("id", key=True),
    _word("kind"),
    Column("body", Text, nullable=False),
    Column("private", Text, nullable=False),
    _ms("at_ms"),
    Index("ix_webhook_events_at", "at_ms"),
    sqlite_with_rowid=False,
)

webhook_dispatches = Table(
    "webhook_dispatches",
    metadata,
    _id("webhook_id", key=True),
    _id("event_id", key=True),
    _id("application_id"),
    _ms("due_ms"),
    Column("attempts", Integer, nullable=False),
    Index("ix_webhook_dispatches_due", "webhook_id", "due_ms"),
    Index("ix_webhook_dispatches_event", "event_id"),
    sqlite_with_rowid=False,
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    _id("webhook_id", key=True),
    _id("id", key=True),
    _id("event_id"),
    _word("kind"),
    Column("status", SmallInteger),
    Column("detail", Text),
    Column("duration_ms", Integer, nullable=False),
    _ms("at_ms"),
    Index("ix_webhook_attempts_at", "at_ms"),
    sqlite_with_rowid=False,
)

receipts = Table(
    "receipts",
    metadata,
    _id("notification_id", key=True),
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    Column("recipient", Integer, primary_key=True, autoincrement=False),
    _id("target_id", key=True),
    _word("kind", key=True),
    _ms("at_ms"),
    Column("detail", Text),
    sqlite_with_rowid=False,
)

receipt_counters = Table(
    "receipt_counters",
    metadata,
    _id("notification_id", key=True),
    _word("kind", key=True),
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

provider_messages = Table(
    "provider_messages",
    metadata,
    _id("application_id", key=True),
    _word("provider", key=True),
    Column("message_id", String(255), primary_key=True),
    _id("notification_id"),
    Column("bucket", SmallInteger, nullable=False),
    Column("recipient", Integer, nullable=False),
    _id("target_id"),
    Index("ix_provider_messages_notification", "notification_id"),
    sqlite_with_rowid=False,
)

"""Every table, once for SQLite and PostgreSQL.

Ids are 16 bytes, times Unix milliseconds, documents JSON text. The key of
`registrations` is also the audience index: a broadcast reads it in order.

Source: docs/decisions/0003-ids.md, docs/decisions/0004-slots-and-claims.md.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)


def _id(name: str, *, key: bool = False, null: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary(16), primary_key=key, nullable=null)


def _word(name: str, *, key: bool = False, null: bool = False) -> Column[str]:
    return Column(name, String(32), primary_key=key, nullable=null)


def _ms(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


accounts = Table(
    "accounts",
    metadata,
    _id("id", key=True),
    Column("name", Text, nullable=False),
    _ms("created_ms"),
)

applications = Table(
    "applications",
    metadata,
    _id("id", key=True),
    _id("account_id"),
    Column("name", Text, nullable=False),
    _ms("created_ms"),
    Column("default_bundle_id", Text),
    _word("default_environment"),
    Column("settings", Text, nullable=False),
)

api_clients = Table(
    "api_clients",
    metadata,
    _id("id", key=True),
    _id("account_id"),
    _id("application_id", null=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("secret_hash", LargeBinary(32), nullable=False, unique=True),
    _ms("created_ms"),
)

users = Table(
    "users",
    metadata,
    _id("id", key=True),
    _id("account_id"),
    Column("external_id", Text),
    _ms("created_ms"),
    UniqueConstraint("account_id", "external_id"),
)

members = Table(
    "members",
    metadata,
    _id("application_id", key=True),
    _id("user_id", key=True),
    _id("id"),
    UniqueConstraint("id"),
)

sessions = Table(
    "sessions",
    metadata,
    _id("id", key=True),
    _id("account_id"),
    _id("application_id"),
    _id("user_id"),
    _id("member_id"),
    _word("form"),
    Column("kind", String(32), nullable=False, server_default="sign_in"),
    Column("label", Text),
    Column("sealed", LargeBinary),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    _ms("created_ms"),
    _ms("expires_ms"),
    Index("ix_sessions_application", "application_id", "id"),
    Index("ix_sessions_member", "member_id"),
)

credentials = Table(
    "credentials",
    metadata,
    _id("application_id", key=True),
    _word("provider", key=True),
    _word("environment", key=True),
    _id("id"),
    Column("sealed", LargeBinary, nullable=False),
    _ms("updated_ms"),
)

registrations = Table(
    "registrations",
    metadata,
    _id("application_id", key=True),
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    _id("id", key=True),
    _id("slot"),
    _word("provider"),
    _word("environment", null=True),
    _word("kind"),
    Column("token", Text, nullable=False),
    _id("token_hash"),
    _word("claim"),
    Column("shared", Boolean, nullable=False),
    _id("user_id", null=True),
    _id("member_id", null=True),
    _id("session_id", null=True),
    Column("device_id", Text),
    _word("origin"),
    Column("attributes", Text, nullable=False),
    _word("state"),
    _ms("created_ms"),
    _ms("refreshed_ms"),
    _ms("silent_after_ms", null=True),
    UniqueConstraint("application_id", "bucket", "slot"),
    Index(
        "ix_registrations_member", "application_id", "member_id", **_where("member_id IS NOT NULL")
    ),
    Index(
        "ix_registrations_device", "application_id", "device_id", **_where("device_id IS NOT NULL")
    ),
    # Lists by age read these. Ids grow with time, so that new rows come to the end of a provider's
    # part: pages that a batch has in hand anyway, unlike those of any other index.
    Index("ix_registrations_provider", "application_id", "provider", "id"),
    Index(
        "ix_registrations_nobodys",
        "application_id",
        "id",
        "member_id",  # always null, but without it SQLite looks at each row to see that
        **_where("member_id IS NULL"),
    ),
    sqlite_with_rowid=False,
    # Room for a new version of a row beside the old one: a refresh then touches no index.
    postgresql_with={"fillfactor": 85},
)

token_holders = Table(
    "token_holders",
    metadata,
    _id("application_id", key=True),
    _id("token_hash", key=True),
    _id("registration_id", key=True),
    sqlite_with_rowid=False,
)

departed_registrations = Table(
    "departed_registrations",
    metadata,
    _id("application_id", key=True),
    _id("id", key=True),
    _word("reason"),
    _word("provider"),
    _id("token_hash"),
    Column("snapshot", Text, nullable=False),
    _ms("departed_ms"),
    _id("member_id", null=True),
    Index("ix_departed_registrations_departed", "departed_ms"),
    Index(
        "ix_departed_registrations_member",
        "application_id",
        "member_id",
        **_where("member_id IS NOT NULL"),
    ),
)

tags = Table(
    "tags",
    metadata,
    _id("application_id", key=True),
    Column("label", Text, primary_key=True),
    _id("id"),
    Column("description", Text),
    _ms("created_ms"),
    _ms("updated_ms"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    _id("application_id", key=True),
    _id("tag_id", key=True),
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    _id("registration_id", key=True),
    _ms("created_ms"),
    Index("ix_subscriptions_registration", "application_id", "registration_id"),
    sqlite_with_rowid=False,
)

aliases = Table(
    "aliases",
    metadata,
    _word("kind", key=True),
    _id("scope_id", key=True),
    Column("value", String(255), primary_key=True),
    _id("id"),
    UniqueConstraint("kind", "scope_id", "id"),
)

notifications = Table(
    "notifications",
    metadata,
    _id("application_id", key=True),
    _id("id", key=True),
    Column("audience", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("options", Text, nullable=False),
    _word("state"),
    _ms("created_ms"),
    _ms("started_ms", null=True),
    _ms("completed_ms", null=True),
    _ms("starts_ms", null=True),
    Index(
        "ix_notifications_starts",
        "starts_ms",
        **_where("starts_ms IS NOT NULL"),
    ),
    Column("is_settled", Boolean, nullable=False, server_default=false()),
    Column("recipient_count", Integer),
    Index("ix_notifications_created", "created_ms"),
    Index(
        "ix_notifications_settling",
        "state",
        **_where("NOT is_settled AND state IN ('canceled', 'paused')"),
    ),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _id("application_id", key=True),
    Column("key", String(255), primary_key=True),
    Column("body_hash", LargeBinary(32), nullable=False),
    _id("notification_id"),
    _ms("expires_ms"),
    Index("ix_idempotency_keys_expires", "expires_ms"),
    sqlite_with_rowid=False,
)

audience_members = Table(
    "audience_members",
    metadata,
    _id("notification_id", key=True),
    _id("member_id", key=True),
    sqlite_with_rowid=False,
)

recipients = Table(
    "recipients",
    metadata,
    _id("notification_id", key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    _id("registration_id", null=True),
    Column("bucket", SmallInteger, nullable=False),
    _word("provider", null=True),
    Column("token", Text),
    Column("variables", Text),
    _word("form", null=True),
    _id("user_id", null=True),
    sqlite_with_rowid=False,
)

COUNTED = ("accepted", "deferred", "rejected", "gone", "expired", "canceled")
"""What a shard counts of its deliveries, each in a column of its own."""

shards = Table(
    "shards",
    metadata,
    _id("id", key=True),
    _id("notification_id"),
    _id("application_id"),
    _word("source"),
    Column("lane", SmallInteger, nullable=False),
    Column("first_bucket", SmallInteger, nullable=False),
    Column("last_bucket", SmallInteger, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("owner", Text),
    _ms("leased_until_ms"),
    _ms("due_ms"),
    Column("is_done", Boolean, nullable=False),
    Column("cursor_bucket", SmallInteger),
    Column("cursor_recipient", Integer),
    _id("cursor_target", null=True),
    *(_count(name) for name in COUNTED),
    Index("ix_shards_notification", "notification_id"),
    Index(
        "ix_shards_open",
        "lane",
        "due_ms",
        **_where("NOT is_done"),
    ),
)

deliveries = Table(
    "deliveries",
    metadata,
    _id("notification_id", key=True),
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    Column("recipient", Integer, primary_key=True, autoincrement=False),
    _id("target_id", key=True),
    _word("state"),
    _word("provider", null=True),
    Column("is_registered", Boolean, nullable=False),
    Column("provider_message_id", Text),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False),
    _ms("at_ms"),
    sqlite_with_rowid=False,
)

deferred = Table(
    "deferred",
    metadata,
    _id("notification_id", key=True),
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    Column("recipient", Integer, primary_key=True, autoincrement=False),
    _id("target_id", key=True),
    _id("application_id"),
    _ms("due_ms"),
    Column("attempts", Integer, nullable=False),
    _id("shard_id", null=True),
    Index(
        "ix_deferred_due",
        "due_ms",
        **_where("shard_id IS NULL"),
    ),
    Index(
        "ix_deferred_shard",
        "shard_id",
        **_where("shard_id IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

breakers = Table(
    "breakers",
    metadata,
    _id("application_id", key=True),
    _word("provider", key=True),
    _word("environment", key=True),
    _word("state"),
    _word("cause"),
    Column("reason", Text, nullable=False),
    _id("credential_id", null=True),
    _ms("opened_ms"),
    _ms("changed_ms"),
    _ms("probe_ms"),
    Column("probes", Integer, nullable=False),
    Column("version", Integer, nullable=False),
)

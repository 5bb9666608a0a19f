"""The other ways out: webhooks with what they are owed, and receipts.

Revision: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    _sign_ins()
    _logins()
    _webhooks()
    _outbox()
    _webhook_attempts()
    _receipts()
    _provider_messages()
    _recipients()
    _spare_credentials()


def _webhooks() -> None:
    """Make the table of customers' endpoints."""
    op.create_table(
        "webhooks",
        sa.Column("application_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("form", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("failing_since_ms", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("not_before_ms", sa.BigInteger(), nullable=False),
        sa.Column("leased_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("application_id", "id", name=op.f("pk_webhooks")),
        sa.UniqueConstraint("application_id", "name", name=op.f("uq_webhooks_application_id")),
    )


def _outbox() -> None:
    """Make the tables of events, and of who is still to be told which."""
    op.create_table(
        "webhook_events",
        sa.Column("application_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("private", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("application_id", "id", name=op.f("pk_webhook_events")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_webhook_events_at", "webhook_events", ["at_ms"])
    op.create_table(
        "webhook_dispatches",
        sa.Column("webhook_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("event_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("application_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("webhook_id", "event_id", name=op.f("pk_webhook_dispatches")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_webhook_dispatches_due", "webhook_dispatches", ["webhook_id", "due_ms"])
    op.create_index("ix_webhook_dispatches_event", "webhook_dispatches", ["event_id"])


def _webhook_attempts() -> None:
    """Make the table of calls that were made."""
    op.create_table(
        "webhook_attempts",
        sa.Column("webhook_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("event_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("webhook_id", "id", name=op.f("pk_webhook_attempts")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_webhook_attempts_at", "webhook_attempts", ["at_ms"])


def _receipts() -> None:
    """Make the tables of what devices report."""
    op.create_table(
        "receipts",
        sa.Column("notification_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("recipient", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("target_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint(
            "notification_id", "bucket", "recipient", "target_id", "kind", name=op.f("pk_receipts")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "receipt_counters",
        sa.Column("notification_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "notification_id", "kind", "bucket", name=op.f("pk_receipt_counters")
        ),
        sqlite_with_rowid=False,
    )


def _provider_messages() -> None:
    """Make the table of deliveries by the ids that networks gave them."""
    op.create_table(
        "provider_messages",
        sa.Column("application_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("notification_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("recipient", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.LargeBinary(length=16), nullable=False),
        sa.PrimaryKeyConstraint(
            "application_id", "provider", "message_id", name=op.f("pk_provider_messages")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_provider_messages_notification", "provider_messages", ["notification_id"])


def _recipients() -> None:
    """Let recipients be users, and find the notifications that list them."""
    op.add_column("recipients", sa.Column("user_id", sa.LargeBinary(length=16), nullable=True))
    op.add_column("notifications", sa.Column("recipient_count", sa.Integer(), nullable=True))
    op.create_index(
        "ix_notifications_listed",
        "notifications",
        ["application_id", "id"],
        sqlite_where=sa.text("recipient_count IS NOT NULL"),
        postgresql_where=sa.text("recipient_count IS NOT NULL"),
    )


def _spare_credentials() -> None:
    """Make the table of credentials beside those that everything is sent by."""
    op.create_table(
        "spare_credentials",
        sa.Column("application_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("environment", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("application_id", "id", name=op.f("pk_spare_credentials")),
    )


def _sign_ins() -> None:
    """Make the tables of issuers, of nonces that were used, and of how members stand."""
    op.create_table(
        "issuers",
        sa.Column("application_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("form", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=True),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.Column("jwks_url", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("application_id", "id", name=op.f("pk_issuers")),
        sa.UniqueConstraint(
            "application_id", "form", "name", name=op.f("uq_issuers_application_id")
        ),
    )
    op.create_table(
        "spent_nonces",
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_spent_nonces")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_spent_nonces_expires", "spent_nonces", ["expires_ms"])
    op.create_table(
        "member_states",
        sa.Column("application_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("user_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("badge", sa.Integer(), nullable=True),
        sa.Column("suspended_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("application_id", "user_id", name=op.f("pk_member_states")),
        sqlite_with_rowid=False,
    )


def _logins() -> None:
    """Make the tables of names and passwords; tell sign-ins from keys and guests."""
    op.create_table(
        "logins",
        sa.Column("application_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("form", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("user_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("application_id", "id", name=op.f("pk_logins")),
    )
    place = ["application_id", "form"]
    op.create_index("ix_logins_name", "logins", [*place, "name_key"], unique=True)
    op.create_index("ix_logins_user", "logins", [*place, "user_id"], unique=True)
    op.create_table(
        "revocations",
        sa.Column("application_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("user_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("application_id", "user_id", name=op.f("pk_revocations")),
        sqlite_with_rowid=False,
    )
    op.add_column(
        "sessions",
        sa.Column("kind", sa.String(length=32), nullable=False, server_default="sign_in"),
    )
    op.add_column("sessions", sa.Column("label", sa.Text(), nullable=True))
    op.add_column("sessions", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    op.create_index("ix_sessions_member", "sessions", ["member_id"])

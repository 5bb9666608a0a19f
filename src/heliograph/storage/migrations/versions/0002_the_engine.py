"""What the engine learned: times to start at, keys of repeated requests.

Revision: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    _schedules()
    _idempotency_keys()
    _departed_members()
    _breakers()
    _settling()


def _schedules() -> None:
    """Add when a scheduled notification starts; null once it did."""
    op.add_column("notifications", sa.Column("starts_ms", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_notifications_starts",
        "notifications",
        ["starts_ms"],
        sqlite_where=sa.text("starts_ms IS NOT NULL"),
        postgresql_where=sa.text("starts_ms IS NOT NULL"),
    )


def _idempotency_keys() -> None:
    """Make the table of what was accepted under which key."""
    op.create_table(
        "idempotency_keys",
        sa.Column("application_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("notification_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("application_id", "key", name=op.f("pk_idempotency_keys")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_idempotency_keys_expires", "idempotency_keys", ["expires_ms"])


def _departed_members() -> None:
    """Note whose a departed registration was: one person's deliveries are found through it."""
    op.add_column(
        "departed_registrations", sa.Column("member_id", sa.LargeBinary(length=16), nullable=True)
    )
    op.create_index(
        "ix_departed_registrations_member",
        "departed_registrations",
        ["application_id", "member_id"],
        sqlite_where=sa.text("member_id IS NOT NULL"),
        postgresql_where=sa.text("member_id IS NOT NULL"),
    )


def _breakers() -> None:
    """Make the table of what holds deliveries back; and add what an address names."""
    op.create_table(
        "breakers",
        sa.Column("application_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("environment", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("probe_ms", sa.BigInteger(), nullable=False),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "application_id", "provider", "environment", name=op.f("pk_breakers")
        ),
    )
    op.add_column("recipients", sa.Column("form", sa.String(length=32), nullable=True))


def _settling() -> None:
    """Which notifications ended before their deliveries did, and which are old."""
    op.add_column(
        "notifications",
        sa.Column("is_settled", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index("ix_notifications_created", "notifications", ["created_ms"])
    op.create_index(
        "ix_notifications_settling",
        "notifications",
        ["state"],
        sqlite_where=sa.text("NOT is_settled AND state IN ('canceled', 'paused')"),
        postgresql_where=sa.text("NOT is_settled AND state IN ('canceled', 'paused')"),
    )

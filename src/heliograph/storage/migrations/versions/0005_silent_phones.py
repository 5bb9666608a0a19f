"""Silent phones: numbers that networks reach no more.

Revision: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "silences",
        sa.Column("application_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("registration_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("latest_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("application_id", "registration_id", name=op.f("pk_silences")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_silences_latest", "silences", ["latest_ms"])
    op.create_table(
        "networks_heard",
        sa.Column("application_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("heard_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("application_id", name=op.f("pk_networks_heard")),
        sqlite_with_rowid=False,
    )

"""Lists by age: the indexes that they are read along.

Revision: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_index(
        "ix_registrations_provider", "registrations", ["application_id", "provider", "id"]
    )
    op.create_index(
        "ix_registrations_nobodys",
        "registrations",
        ["application_id", "id", "member_id"],
        sqlite_where=sa.text("member_id IS NULL"),
        postgresql_where=sa.text("member_id IS NULL"),
    )

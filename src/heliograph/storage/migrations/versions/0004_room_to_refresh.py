"""Room to refresh: on PostgreSQL a page of registrations keeps room for new versions of its rows.

A phone that comes back changes one column that no index knows. Where the new
version finds room on its page, no index is written either.

Source: PostgreSQL manual, 65.7, "Heap-Only Tuples (HOT)". Measured: docs/performance.md.
Revision: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say how full pages are made from now on; those that are there stay as they are."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE registrations SET (fillfactor = 85)")

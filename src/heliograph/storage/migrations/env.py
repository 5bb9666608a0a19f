"""Run by Alembic: migrations use the connection and the transaction they are given."""

from __future__ import annotations

from alembic import context

from heliograph.storage.tables.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()

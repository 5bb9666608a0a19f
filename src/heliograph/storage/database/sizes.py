"""Tells SQLite's planner how large tables grow.

PostgreSQL counts for itself. SQLite, unless told, takes an application for a
dozen registrations and walks all of them to find one user's, because that
saves it a sort. Figures are fixed, so that plans never change under load.

Source: sqlite.org/lang_analyze.html; docs/decisions/0002-storage.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SIZES = {
    # Of a million rows: how many agree in the first column, in the first two, and so on.
    ("registrations", "registrations"): "1000000 1000000 4000 1",
    ("registrations", "sqlite_autoindex_registrations_2"): "1000000 1000000 4000 1",
    ("registrations", "ix_registrations_member"): "1000000 1000000 2",
    ("registrations", "ix_registrations_device"): "1000000 1000000 1",
    ("registrations", "ix_registrations_provider"): "1000000 1000000 200000 1",
    ("registrations", "ix_registrations_nobodys"): "500000 500000 1 1",
}


def describe_sizes(connection: Connection) -> None:
    """Write the figures, unless they are there; other connections read them when they open."""
    run = connection.exec_driver_sql
    run("ANALYZE accounts")  # makes the table of statistics, if there is none
    rows = run("SELECT tbl, idx, stat FROM sqlite_stat1 WHERE tbl <> 'accounts'").all()
    if {(row.tbl, row.idx): row.stat for row in rows} == _SIZES:
        return
    run("DELETE FROM sqlite_stat1")
    run(
        "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)",
        [(*key, sizes) for key, sizes in _SIZES.items()],
    )
    run("ANALYZE sqlite_schema")  # has this connection read them too

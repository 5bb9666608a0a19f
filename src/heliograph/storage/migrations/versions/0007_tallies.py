"""Tallies: how many registrations an application has of each provider, kept by triggers.

Triggers, so that nodes of the version before keep them too. On PostgreSQL
each transaction adds to rows of a lane that is its own until it ends: nobody
waits for another's count, and no two can wait for each other.

Source: docs/decisions/0031-tallies.md; PostgreSQL manual, 39.1, "Overview of Trigger Behavior".
Revision: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ONE_MORE = """
    INSERT INTO registration_tallies (application_id, provider, lane, amount)
    VALUES (NEW.application_id, NEW.provider, 0, 1)
    ON CONFLICT (application_id, provider, lane) DO UPDATE SET amount = amount + 1;
"""
# What goes was counted when it came. And `OR FAIL`, as a statement that may have to be undone alone
# has SQLite copy each page before it is changed: 4 instead of 1.3 µs. Ours are undone with all of
# their transaction. Source: sqlite.org/tempfiles.html, 2.5, "Statement Journal Files".
_ONE_LESS = """
    UPDATE OR FAIL registration_tallies SET amount = amount - 1
    WHERE application_id = OLD.application_id AND provider = OLD.provider AND lane = 0;
"""
_SQLITE = (
    f"CREATE TRIGGER registrations_come AFTER INSERT ON registrations BEGIN {_ONE_MORE} END",
    f"CREATE TRIGGER registrations_go AFTER DELETE ON registrations BEGIN {_ONE_LESS} END",
    # A slot's registration stays the same one when another provider's token comes into it.
    (
        "CREATE TRIGGER registrations_move AFTER UPDATE OF provider ON registrations "
        f"WHEN OLD.provider <> NEW.provider BEGIN {_ONE_LESS} {_ONE_MORE} END"
    ),
)

_POSTGRESQL = (
    # Locks of two numbers are no others' here: the keys of batches are of one. A transaction that
    # asks again gets a lock that it holds. If all lanes are taken, there is one for each process.
    """
    CREATE FUNCTION registration_tally_lane() RETURNS integer LANGUAGE plpgsql AS $$
    DECLARE
        own_lane integer;
    BEGIN
        FOR step IN 0..15 LOOP
            own_lane := (pg_backend_pid() + step) % 16;
            IF pg_try_advisory_xact_lock(31, own_lane) THEN
                RETURN own_lane;
            END IF;
        END LOOP;
        RETURN 16 + pg_backend_pid();
    END $$
    """,
    """
    CREATE FUNCTION keep_registration_tallies() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        own_lane integer;
        sign integer;
    BEGIN
        IF TG_OP = 'TRUNCATE' THEN
            DELETE FROM registration_tallies;
            RETURN NULL;
        END IF;
        own_lane := registration_tally_lane();
        IF TG_OP = 'UPDATE' THEN
            INSERT INTO registration_tallies AS kept (application_id, provider, lane, amount)
            VALUES (OLD.application_id, OLD.provider, own_lane, -1),
                   (NEW.application_id, NEW.provider, own_lane, 1)
            ON CONFLICT (application_id, provider, lane)
            DO UPDATE SET amount = kept.amount + excluded.amount;
            RETURN NULL;
        END IF;
        sign := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
        INSERT INTO registration_tallies AS kept (application_id, provider, lane, amount)
        SELECT application_id, provider, own_lane, sign * count(*)
        FROM touched GROUP BY application_id, provider
        ON CONFLICT (application_id, provider, lane)
        DO UPDATE SET amount = kept.amount + excluded.amount;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER registrations_come AFTER INSERT ON registrations
    REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION keep_registration_tallies()
    """,
    """
    CREATE TRIGGER registrations_go AFTER DELETE ON registrations
    REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION keep_registration_tallies()
    """,
    # Row by row, as it hardly ever happens: a table of all that is updated would take in every
    # refresh. A slot's registration stays the same one when another provider's token comes in.
    """
    CREATE TRIGGER registrations_move AFTER UPDATE OF provider ON registrations
    FOR EACH ROW WHEN (OLD.provider <> NEW.provider) EXECUTE FUNCTION keep_registration_tallies()
    """,
    """
    CREATE TRIGGER registrations_end AFTER TRUNCATE ON registrations
    FOR EACH STATEMENT EXECUTE FUNCTION keep_registration_tallies()
    """,
)


def upgrade() -> None:
    """Change the tables. What is there is counted last: by then the triggers let nobody write."""
    op.create_table(
        "registration_tallies",
        sa.Column("application_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "application_id", "provider", "lane", name=op.f("pk_registration_tallies")
        ),
        sqlite_with_rowid=False,
    )
    is_postgresql = op.get_context().dialect.name == "postgresql"
    for statement in _POSTGRESQL if is_postgresql else _SQLITE:
        op.execute(statement)
    op.execute(
        "INSERT INTO registration_tallies (application_id, provider, lane, amount) "
        "SELECT application_id, provider, 0, count(*) FROM registrations "
        "GROUP BY application_id, provider"
    )

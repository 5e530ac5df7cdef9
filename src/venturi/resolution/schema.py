"""What Stage A has read of its tenant's log, in the tenant's own database."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    # One row: everything before `next_offset` is in the tables beside it, and nothing behind it is.
    """
    CREATE TABLE resolution_progress (
        only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        next_offset bigint NOT NULL DEFAULT 0 CHECK (next_offset >= 0)
    )
    """,
    "INSERT INTO resolution_progress DEFAULT VALUES",
    "CREATE TABLE resolution_seen (id text PRIMARY KEY, log_offset bigint NOT NULL)",
    """
    CREATE TABLE resolution_touchpoints (
        id          text COLLATE "C" PRIMARY KEY REFERENCES resolution_seen,
        subject_id  text NOT NULL,
        channel     text NOT NULL,
        occurred_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX ON resolution_touchpoints (subject_id, occurred_at)",
    # What can't be read doesn't stop the log; it is kept in mind where it stands.
    "CREATE TABLE resolution_rejects (log_offset bigint PRIMARY KEY, why text NOT NULL)",
)
"""DDL, run as the database's owner."""

GRANTS: tuple[tuple[str, str], ...] = (
    ("app", "GRANT SELECT ON resolution_progress TO {role}"),
    ("app", "GRANT UPDATE (next_offset) ON resolution_progress TO {role}"),
    ("app", "GRANT SELECT, INSERT ON resolution_seen, resolution_touchpoints, resolution_rejects TO {role}"),
)
"""(role kind, statement)"""

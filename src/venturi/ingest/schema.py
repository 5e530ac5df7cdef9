"""Which batches were asked for and which of them are durable, in each tenant's own database."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE ingest_batches (
        key        text PRIMARY KEY,
        digest     bytea NOT NULL,
        batch      uuid NOT NULL UNIQUE,
        events     integer NOT NULL CHECK (events > 0),
        asked_at   timestamptz NOT NULL DEFAULT now(),
        durable_at timestamptz
    )
    """,
)
"""DDL, run as the database's owner."""

GRANTS: tuple[tuple[str, str], ...] = (
    ("app", "GRANT SELECT ON ingest_batches TO {role}"),
    ("app", "GRANT INSERT (key, digest, batch, events) ON ingest_batches TO {role}"),
    ("app", "GRANT UPDATE (durable_at) ON ingest_batches TO {role}"),
)
"""(role kind, statement)"""

"""The table of attribution records, in each tenant's own database."""

from __future__ import annotations

_WRITTEN = "id, tenant, subject_id, touchpoint, conversion, channel, weight, note"
STATEMENTS: tuple[str, ...] = (
    # `tenant` repeats what the database already says: a row restored into the wrong database shows it.
    """
    CREATE TABLE attributions (
        id         text PRIMARY KEY,
        tenant     text NOT NULL,
        subject_id text NOT NULL,
        touchpoint text NOT NULL,
        conversion text NOT NULL,
        channel    text NOT NULL,
        weight     double precision NOT NULL CHECK (weight BETWEEN 0 AND 1),
        note       bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    # What a listing is narrowed by to a few rows of many; the others only thin it out.
    "CREATE INDEX ON attributions (subject_id, id)",
    "CREATE INDEX ON attributions (conversion, id)",
)
"""DDL, run as the database's owner."""

GRANTS: tuple[tuple[str, str], ...] = (
    ("app", "GRANT SELECT ON attributions TO {role}"),
    ("app", f"GRANT INSERT ({_WRITTEN}) ON attributions TO {{role}}"),
)
"""(role kind, statement)"""

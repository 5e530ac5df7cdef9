"""The table of wrapped data keys, one row per subject, in each tenant's own database."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    # A shredded subject keeps its row without a key, or the next write would quietly give it a new one.
    """
    CREATE TABLE subject_keys (
        subject     text PRIMARY KEY,
        wrapped     bytea,
        key_arn     text NOT NULL,
        created_at  timestamptz NOT NULL DEFAULT now(),
        shredded_at timestamptz,
        CHECK ((wrapped IS NULL) = (shredded_at IS NOT NULL))
    )
    """,
)
"""DDL, run as the database's owner."""

GRANTS: tuple[tuple[str, str], ...] = (
    ("app", "GRANT SELECT ON subject_keys TO {role}"),
    ("app", "GRANT INSERT (subject, wrapped, key_arn) ON subject_keys TO {role}"),
    ("app", "GRANT UPDATE (wrapped, shredded_at) ON subject_keys TO {role}"),
)
"""(role kind, statement)"""

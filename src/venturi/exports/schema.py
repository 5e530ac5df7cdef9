"""What a tenant's database keeps of exports: where they are and until when a link to one works."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE exports (
        id         text PRIMARY KEY,
        location   text NOT NULL,
        records    integer NOT NULL CHECK (records >= 0),
        sha256     text NOT NULL,
        made_by    text NOT NULL,
        made_at    timestamptz NOT NULL,
        link_until timestamptz NOT NULL
    )
    """,
)
"""DDL, run as the database's owner."""

GRANTS: tuple[tuple[str, str], ...] = (("guard", "GRANT SELECT, INSERT ON exports TO {role}"),)
"""(role kind, statement)"""

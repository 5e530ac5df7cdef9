"""The tables of a tenant's consent, in the tenant's own database."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    # Nothing is ever changed or deleted: that consent was given stays on record after it is revoked.
    """
    CREATE TABLE consent_changes (
        seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        purpose text NOT NULL,
        act     text NOT NULL CHECK (act IN ('given', 'revoked')),
        scope   text[] NOT NULL,
        at      timestamptz NOT NULL,
        by      text NOT NULL,
        CHECK (act = 'revoked' OR cardinality(scope) > 0)
    )
    """,
    """
    CREATE VIEW consents AS
    SELECT DISTINCT ON (given.purpose)
           given.purpose, given.scope, given.at AS given_at, given.by AS given_by, revoked.at AS revoked_at
    FROM consent_changes given
    LEFT JOIN LATERAL (
        SELECT at FROM consent_changes later
        WHERE later.purpose = given.purpose AND later.act = 'revoked' AND later.seq > given.seq
        ORDER BY later.seq LIMIT 1
    ) revoked ON true
    WHERE given.act = 'given'
    ORDER BY given.purpose, given.seq DESC
    """,
    # The key under which persons are hashed before they leave; sealed with the tenant's own KMS key.
    """
    CREATE TABLE pseudonym_keys (
        only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
        sealed   bytea NOT NULL
    )
    """,
)
"""DDL, run as the database's owner."""

GRANTS: tuple[tuple[str, str], ...] = (
    ("guard", "GRANT SELECT ON consent_changes, consents TO {role}"),
    ("guard", "GRANT INSERT (purpose, act, scope, at, by) ON consent_changes TO {role}"),
    ("guard", "GRANT SELECT ON pseudonym_keys TO {role}"),
    ("guard", "GRANT INSERT (sealed) ON pseudonym_keys TO {role}"),
)
"""(role kind, statement)"""

"""The directory of principals, in the control database."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    # A tenant's principal names its tenant; the vendor's own people never do.
    """
    CREATE TABLE principals (
        issuer         text NOT NULL,
        subject        text NOT NULL,
        id             text NOT NULL UNIQUE,
        tenant         text,
        kind           text NOT NULL CHECK (kind IN ('tenant', 'support')),
        person         text NOT NULL,
        mfa_public_key text,
        PRIMARY KEY (issuer, subject),
        CHECK ((kind = 'tenant') = (tenant IS NOT NULL))
    )
    """,
)
"""DDL, run as the database's owner."""

GRANTS: tuple[tuple[str, str], ...] = (("control", "GRANT SELECT ON principals TO {role}"),)
"""(role kind, statement)"""

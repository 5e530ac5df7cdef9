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
    # What counts up: a code's step, a security key's counter. It never goes back, whoever writes it.
    """
    CREATE TABLE second_factors (
        principal  text NOT NULL REFERENCES principals (id),
        kind       text NOT NULL CHECK (kind IN ('totp', 'webauthn')),
        credential text NOT NULL,
        material   bytea NOT NULL,
        counter    bigint NOT NULL DEFAULT -1,
        failures   integer NOT NULL DEFAULT 0,
        failed_at  double precision NOT NULL DEFAULT 0,
        PRIMARY KEY (principal, kind, credential)
    )
    """,
    """
    CREATE FUNCTION second_factors_count_up() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a second factor never counts back';
    END
    $$
    """,
    """
    CREATE TRIGGER counts_up BEFORE UPDATE ON second_factors FOR EACH ROW
        WHEN (NEW.counter < OLD.counter) EXECUTE FUNCTION second_factors_count_up()
    """,
)
"""DDL, run as the database's owner."""

GRANTS: tuple[tuple[str, str], ...] = (
    ("control", "GRANT SELECT ON principals, second_factors TO {role}"),
    ("control", "GRANT UPDATE (counter, failures, failed_at) ON second_factors TO {role}"),
)
"""(role kind, statement)"""

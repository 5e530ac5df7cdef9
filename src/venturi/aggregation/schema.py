"""The tables of an aggregation store: one database per jurisdiction, which no tenant's login opens."""

from __future__ import annotations

STORES = {"eu": "venturi_aggregation_eu", "non-eu": "venturi_aggregation_non_eu"}
"""Jurisdiction to the database that alone holds its contributions."""

ROLES = ("egress", "pipeline", "reader", "auditor")
"""Kinds of logins: the write-only way in, the pipeline, the API's view of releases, and whoever audits the store."""

STATEMENTS: tuple[str, ...] = (
    # One order for all that arrives, so that what a withdrawal makes void does not depend on clocks.
    "CREATE SEQUENCE arrivals",
    """
    CREATE TABLE contributions (
        arrival bigint NOT NULL DEFAULT nextval('arrivals'),
        batch   uuid NOT NULL,
        purpose text NOT NULL,
        source  text NOT NULL CHECK (source ~ '^[0-9a-f]{32}$'),
        person  text NOT NULL CHECK (person ~ '^[0-9a-f]{32}$'),
        channel text NOT NULL,
        month   text NOT NULL,
        PRIMARY KEY (batch, person)
    )
    """,
    """
    CREATE TABLE withdrawals (
        arrival bigint PRIMARY KEY DEFAULT nextval('arrivals'),
        purpose text NOT NULL,
        source  text NOT NULL CHECK (source ~ '^[0-9a-f]{32}$')
    )
    """,
    """
    CREATE TABLE releases (
        number    integer PRIMARY KEY,
        document  bytea NOT NULL,
        signature bytea NOT NULL
    )
    """,
    # Who was in a published cell is never published; without it no later release could be held back.
    """
    CREATE TABLE remembered (
        number  integer NOT NULL REFERENCES releases,
        channel text NOT NULL,
        month   text NOT NULL,
        source  text NOT NULL,
        person  text NOT NULL,
        PRIMARY KEY (number, channel, month, source, person)
    )
    """,
)
"""DDL, run as the database's owner."""

GRANTS: tuple[tuple[str, str], ...] = (
    # Egress is a one-way street: what went in can't be read, changed or taken out with the login that put it there.
    ("egress", "GRANT INSERT (batch, purpose, source, person, channel, month) ON contributions TO {role}"),
    ("egress", "GRANT INSERT (purpose, source) ON withdrawals TO {role}"),
    ("egress", "GRANT USAGE ON SEQUENCE arrivals TO {role}"),
    ("pipeline", "GRANT SELECT, DELETE ON contributions TO {role}"),
    ("pipeline", "GRANT SELECT ON withdrawals TO {role}"),
    ("pipeline", "GRANT SELECT, INSERT ON releases, remembered TO {role}"),
    ("reader", "GRANT SELECT ON releases TO {role}"),
    ("auditor", "GRANT SELECT ON contributions, withdrawals, releases, remembered TO {role}"),
)
"""(role kind, statement)"""

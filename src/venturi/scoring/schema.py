"""Each tenant's own calibration and threshold, in its own database."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE scoring_settings (
        only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        slope     double precision NOT NULL CHECK (slope > 0 AND slope <= 100),
        shift     double precision NOT NULL CHECK (shift BETWEEN -100 AND 100),
        threshold double precision NOT NULL CHECK (threshold BETWEEN 0 AND 1)
    )
    """,
)
"""DDL, run as the database's owner."""

GRANTS: tuple[tuple[str, str], ...] = (
    ("app", "GRANT SELECT, INSERT ON scoring_settings TO {role}"),
    ("app", "GRANT UPDATE (slope, shift, threshold) ON scoring_settings TO {role}"),
)
"""(role kind, statement)"""

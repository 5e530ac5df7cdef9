"""The tables of a trail: its events and its signed heads, which can be added to and nothing else."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    # `body` is the canonical JSON that was hashed, byte for byte; jsonb would rewrite it.
    """
    CREATE TABLE trail_events (
        seq       bigint PRIMARY KEY CHECK (seq >= 0),
        leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
        trace_id  text,
        body      text NOT NULL
    )
    """,
    "CREATE INDEX trail_events_by_trace ON trail_events (trace_id, seq) WHERE trace_id IS NOT NULL",
    """
    CREATE TABLE trail_heads (
        size bigint PRIMARY KEY CHECK (size > 0),
        note text NOT NULL
    )
    """,
    """
    CREATE FUNCTION trail_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the trail is append-only: % on % refused', TG_OP, TG_TABLE_NAME;
    END
    $$
    """,
    # The privileges say the same; the triggers also hold for the owner and for a privilege granted by mistake.
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail_events
        FOR EACH STATEMENT EXECUTE FUNCTION trail_is_append_only()
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail_heads
        FOR EACH STATEMENT EXECUTE FUNCTION trail_is_append_only()
    """,
)
"""DDL, run as the database's owner."""

GRANTS: tuple[tuple[str, str], ...] = (
    ("guard", "GRANT SELECT, INSERT ON trail_events TO {role}"),
    ("guard", "GRANT SELECT, INSERT ON trail_heads TO {role}"),
)
"""(role kind, statement)"""

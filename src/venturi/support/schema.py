"""The tables of the support desk: requests, challenges, and notices that wait to be sent. Times: seconds since 1970."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE support_requests (
        id               text PRIMARY KEY,
        tenant           text NOT NULL,
        requester        text NOT NULL,
        requester_person text NOT NULL,
        scope            text[] NOT NULL CHECK (cardinality(scope) > 0),
        duration         integer NOT NULL CHECK (duration > 0),
        reason           text NOT NULL,
        ticket           text NOT NULL,
        digest           text NOT NULL,
        requested_at     double precision NOT NULL,
        state            text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'approved', 'active',
                         'ended', 'denied', 'withdrawn', 'revoked', 'expired')),
        changed_at       double precision NOT NULL,
        approver         text,
        approver_person  text,
        approved_digest  text,
        approved_at      double precision,
        ends_at          double precision,
        claimed_at       double precision,
        activated_at     double precision
    )
    """,
    """
    CREATE FUNCTION support_final_states_stay() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a request that is % stays so', OLD.state;
    END
    $$
    """,
    """
    CREATE TRIGGER final_states_stay BEFORE UPDATE ON support_requests FOR EACH ROW
        WHEN (OLD.state IN ('ended', 'denied', 'withdrawn', 'revoked', 'expired') AND NEW IS DISTINCT FROM OLD)
        EXECUTE FUNCTION support_final_states_stay()
    """,
    # The hash alone is kept: who reads the table can't answer a challenge from it.
    """
    CREATE TABLE support_challenges (
        hash       bytea PRIMARY KEY,
        principal  text NOT NULL,
        person     text NOT NULL,
        verb       text NOT NULL CHECK (verb IN ('approve', 'activate')),
        request    text NOT NULL REFERENCES support_requests (id),
        digest     text NOT NULL,
        issued_at  double precision NOT NULL,
        expires_at double precision NOT NULL,
        burned_at  double precision
    )
    """,
    """
    CREATE TABLE support_outbox (
        id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        request    text NOT NULL REFERENCES support_requests (id),
        event      text NOT NULL,
        message    text NOT NULL,
        queued_at  double precision NOT NULL,
        sent_at    double precision,
        dropped_at double precision
    )
    """,
    # Whether an activation was announced is asked at every read under a grant.
    "CREATE INDEX support_outbox_of_request ON support_outbox (request)",
    "CREATE INDEX support_outbox_waiting ON support_outbox (id) WHERE sent_at IS NULL AND dropped_at IS NULL",
)
"""DDL, run as the database's owner."""

GRANTS: tuple[tuple[str, str], ...] = (
    ("guard", "GRANT SELECT, INSERT ON support_requests, support_challenges, support_outbox TO {role}"),
    # What was asked for can't be changed, by anybody: only what became of it.
    (
        "guard",
        """
        GRANT UPDATE (state, changed_at, approver, approver_person, approved_digest, approved_at, ends_at, claimed_at,
                      activated_at) ON support_requests TO {role}
        """,
    ),
    ("guard", "GRANT UPDATE (burned_at) ON support_challenges TO {role}"),
    ("guard", "GRANT UPDATE (sent_at, dropped_at) ON support_outbox TO {role}"),
)
"""(role kind, statement)"""

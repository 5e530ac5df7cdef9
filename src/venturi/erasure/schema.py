"""What a tenant's database keeps of erasures: requests, certificates, and that a shredded subject stays shredded."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    # A subject is kept by its hash alone: the list of the erased must not be a list of names.
    """
    CREATE TABLE erasures (
        id           text PRIMARY KEY,
        subject_hash text UNIQUE,
        requested_by text NOT NULL,
        requested_at timestamptz NOT NULL,
        certificate  text,
        signature    bytea,
        CHECK ((certificate IS NULL) = (signature IS NULL))
    )
    """,
    # One open erasure of the whole tenant at a time; subject_hash is NULL for those.
    """
    CREATE UNIQUE INDEX one_open_erasure_of_the_tenant ON erasures ((true))
        WHERE subject_hash IS NULL AND certificate IS NULL
    """,
    """
    CREATE FUNCTION a_tombstone_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a shredded subject stays shredded: % refused', TG_OP;
    END
    $$
    """,
    # Writing a wrapped key back from a backup would undo an erasure; the row does not take it.
    """
    CREATE TRIGGER a_tombstone_stays BEFORE UPDATE OR DELETE ON subject_keys
        FOR EACH ROW WHEN (OLD.shredded_at IS NOT NULL) EXECUTE FUNCTION a_tombstone_stays()
    """,
    """
    CREATE FUNCTION a_certificate_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a certificate is never changed: % refused', TG_OP;
    END
    $$
    """,
    """
    CREATE TRIGGER a_certificate_stays BEFORE UPDATE OR DELETE ON erasures
        FOR EACH ROW WHEN (OLD.certificate IS NOT NULL) EXECUTE FUNCTION a_certificate_stays()
    """,
)
"""DDL, run as the database's owner, after that of `vault`."""

GRANTS: tuple[tuple[str, str], ...] = (
    ("guard", "GRANT SELECT ON erasures TO {role}"),
    ("guard", "GRANT INSERT (id, subject_hash, requested_by, requested_at) ON erasures TO {role}"),
    ("guard", "GRANT UPDATE (certificate, signature) ON erasures TO {role}"),
)
"""(role kind, statement)"""

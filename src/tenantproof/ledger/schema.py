"""The tables of a journal. Rows name their kind and unit once; the view `observations` spells everything out.

A kind is what many rows share: check, claim, role, what was expected, what was seen. Kept apart, a row is short, the
index over kinds is small, and counting reads no observation.
"""

from __future__ import annotations

VERSION = 2
"""SQLite's user_version of the file, as SCHEMA sets it; a reader refuses any other."""

PAGE = 16384
"""Bytes; with observations of half a kilobyte, larger pages waste less and are written less often."""

SCHEMA = """
PRAGMA user_version = 2;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE kinds (
  id INTEGER PRIMARY KEY, "check" TEXT NOT NULL, claim TEXT NOT NULL, role TEXT NOT NULL, expected TEXT NOT NULL,
  seen TEXT NOT NULL
) STRICT;
CREATE TABLE entries (
  seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, attacker TEXT, victim TEXT, operation TEXT, vector TEXT,
  observation BLOB NOT NULL
) STRICT;
CREATE INDEX entries_by_kind ON entries (kind);
CREATE TABLE populations ("check" TEXT PRIMARY KEY, units INTEGER NOT NULL, selection TEXT NOT NULL) STRICT;
CREATE TABLE findings ("check" TEXT PRIMARY KEY, finding BLOB NOT NULL) STRICT;
CREATE VIEW observations AS
  SELECT seq, "check", claim, role, expected, seen, attacker, victim, operation, vector, observation
  FROM entries JOIN kinds ON kinds.id = entries.kind;
"""

INSERT = "INSERT INTO entries (kind, attacker, victim, operation, vector, observation) VALUES (?, ?, ?, ?, ?, ?)"
INSERT_KIND = "INSERT INTO kinds VALUES (?, ?, ?, ?, ?, ?)"

ABSORB_BEGIN = (
    "CREATE TEMP TABLE IF NOT EXISTS renumbered (theirs INTEGER PRIMARY KEY, ours INTEGER NOT NULL)",
    "DELETE FROM temp.renumbered",
)
ABSORB_END = (
    """
INSERT INTO main.entries (kind, attacker, victim, operation, vector, observation)
  SELECT ours, attacker, victim, operation, vector, observation
  FROM other.entries JOIN temp.renumbered ON theirs = kind ORDER BY seq""",
    "INSERT OR IGNORE INTO main.populations SELECT * FROM other.populations",
)
"""Entries of the attached database `other` go into `entries`, by the kinds as this journal numbers them."""

Row = tuple[int, str | None, str | None, str | None, str | None, bytes]
Kind = tuple[str, str, str, str, str]
"""(check, claim, role, expected, seen)."""

"""A trail's rows: read and checked against the tree, or added to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from venturi.trail.checkpoint import BadCheckpoint, verify
from venturi.trail.errors import TrailCorrupt
from venturi.trail.merkle import Tree, leaf_hash

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = PoolConnectionProxy[asyncpg.Record]

_CHUNK = 2_000
_COLUMNS = "seq, leaf_hash, trace_id, body"
TURN = "pg_advisory_xact_lock(hashtext('venturi.trail'))"
"""Lets one writer write at a time, until its transaction ends."""
# The turn is taken before a row is made, so that whoever had it before has committed when places are compared.
_ALONE = f"""
    WITH turn AS MATERIALIZED (SELECT {TURN}),
    events AS (
        INSERT INTO trail_events ({_COLUMNS})
        SELECT event.* FROM turn, unnest($1::bigint[], $2::bytea[], $3::text[], $4::text[]) AS event
    )
    INSERT INTO trail_heads (size, note) SELECT $5, $6 FROM turn
"""  # noqa: S608  # names of ours
ZERO = "0" * 64
"""`prev_hash` of the first event."""


class Row(msgspec.Struct, frozen=True):
    """One row to be written; `body` is canonical JSON."""

    seq: int
    leaf_hash: bytes
    trace_id: str | None
    body: bytes


def trace_of(event: object) -> str | None:
    """The trace id of an event, by which its rows are found; None without one."""
    trace = event.get("trace") if isinstance(event, dict) else None
    found = trace.get("trace_id") if isinstance(trace, dict) else None
    return found if isinstance(found, str) else None


async def load(connection: Connection, tree: Tree, origin: str) -> str:
    """Add every stored row behind the tree's end to the tree. Returns `ts_logged` of the last one, or "".

    Raises TrailCorrupt at the first row that is missing, moved, edited or of another log.
    """
    logged = ""
    while True:
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM trail_events WHERE seq >= $1 ORDER BY seq LIMIT {_CHUNK}",  # noqa: S608
            len(tree),
        )
        for row in rows:
            logged = _checked(row, tree, origin)
            tree.append(row["leaf_hash"])
        if len(rows) < _CHUNK:
            return logged


def _checked(row: asyncpg.Record, tree: Tree, origin: str) -> str:
    place = len(tree)
    if row["seq"] != place:
        raise TrailCorrupt(f"{origin}: event {place} is missing, the next stored is {row['seq']}")
    if leaf_hash(row["body"].encode()) != row["leaf_hash"]:
        raise TrailCorrupt(f"{origin}: event {place} was edited")
    event = msgspec.json.decode(row["body"])
    if (event["log"], event["seq"], event["prev_hash"]) != (origin, place, previous(tree)):
        raise TrailCorrupt(f"{origin}: event {place} belongs to another place or log")
    if trace_of(event) != row["trace_id"]:
        raise TrailCorrupt(f"{origin}: event {place} is filed under another trace")
    return str(event["ts_logged"])


def previous(tree: Tree) -> str:
    """`prev_hash` of the event that comes next."""
    return tree.leaf(len(tree) - 1).hex() if len(tree) else ZERO


async def check_head(connection: Connection, tree: Tree, origin: str, key: Ed25519PublicKey) -> None:
    """Raise TrailCorrupt unless the last signed head is that of the whole tree."""
    stored = await connection.fetchrow("SELECT size, note FROM trail_heads ORDER BY size DESC LIMIT 1")
    if stored is None:
        if len(tree):
            raise TrailCorrupt(f"{origin}: {len(tree)} events and no signed head")
        return
    try:
        head = verify(stored["note"], origin, key)
    except BadCheckpoint as problem:
        raise TrailCorrupt(f"{origin}: the last head: {problem}") from None
    if head.size != stored["size"] or head.size != len(tree):
        raise TrailCorrupt(f"{origin}: {len(tree)} events, but the last head was signed over {head.size}")
    if head.root != tree.root():
        raise TrailCorrupt(f"{origin}: the events do not add up to the last signed head")


async def write(connection: Connection, rows: Sequence[Row], size: int, note: str) -> None:
    """Insert rows and the head that covers them, inside the caller's transaction."""
    await connection.execute(
        f"INSERT INTO trail_events ({_COLUMNS}) SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::text[])",  # noqa: S608, E501
        *_in_columns(rows),
    )
    await connection.execute("INSERT INTO trail_heads (size, note) VALUES ($1, $2)", size, note)


async def write_alone(connection: Connection, rows: Sequence[Row], size: int, note: str, *, seconds: float) -> None:
    """The same in a transaction of its own, which is a single statement and takes its turn by itself.

    Raises asyncpg.UniqueViolationError when another writer was there first, and writes nothing then.
    """
    await connection.execute(_ALONE, *_in_columns(rows), size, note, timeout=seconds)


def _in_columns(rows: Sequence[Row]) -> tuple[list[int], list[bytes], list[str | None], list[str]]:
    return (
        [row.seq for row in rows],
        [row.leaf_hash for row in rows],
        [row.trace_id for row in rows],
        [row.body.decode() for row in rows],
    )


async def fetch(
    connection: Connection, after: int, size: int, limit: int, trace_id: str | None
) -> list[asyncpg.Record]:
    """At most `limit` rows with after < seq < size, in order, of one trace if one is given."""
    narrowed = "AND trace_id = $4" if trace_id is not None else ""
    more = () if trace_id is None else (trace_id,)
    query = f"SELECT {_COLUMNS} FROM trail_events WHERE seq > $1 AND seq < $2 {narrowed} ORDER BY seq LIMIT $3"  # noqa: S608
    return list(await connection.fetch(query, after, size, limit, *more))

"""The rows of requests and challenges."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from venturi.support.model import FINAL, SupportRequest
from venturi.trail.errors import TrailUnavailable

if TYPE_CHECKING:
    from venturi.trail.store import Connection

_SECONDS = 5.0
_FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
_ANNOUNCED = (
    "EXISTS (SELECT FROM support_outbox o WHERE o.request = r.id AND o.event = 'activated' AND o.sent_at IS NOT NULL)"
)
_SELECT = f"SELECT r.*, {_ANNOUNCED} AS announced FROM support_requests r"  # noqa: S608  # constants


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What a challenge was given out for: to whom, for which step of which request, until when."""

    principal: str
    person: str
    verb: str
    request: str
    digest: str
    issued_at: float
    expires_at: float


@contextlib.asynccontextmanager
async def borrowed(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """A connection. Raises TrailUnavailable when the database can't be asked: then nothing is known, nor allowed."""
    try:
        async with pool.acquire(timeout=_SECONDS) as connection:
            yield connection
    except _FAULTS as fault:
        raise TrailUnavailable(f"support desk: {type(fault).__name__}") from fault


async def find(connection: Connection, request_id: str, *, lock: bool = False) -> SupportRequest | None:
    """A request, None when there is none. `lock` keeps it as it is until the transaction ends."""
    row = await connection.fetchrow(f"{_SELECT} WHERE r.id = $1 {'FOR UPDATE OF r' if lock else ''}", request_id)
    return None if row is None else _request(row)


async def every(connection: Connection, *, unsettled: bool = False) -> list[SupportRequest]:
    """All requests, the newest first; `unsettled` leaves out what has reached a final state."""
    narrowed = "WHERE r.state <> ALL ($1)" if unsettled else "WHERE $1::text[] IS NOT NULL"
    rows = await connection.fetch(f"{_SELECT} {narrowed} ORDER BY r.requested_at DESC, r.id", sorted(FINAL))
    return [_request(row) for row in rows]


async def insert(connection: Connection, request: SupportRequest) -> None:
    """Add a request."""
    values = {name: value for name, value in msgspec.structs.asdict(request).items() if name != "announced"}
    marks = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    query = f"INSERT INTO support_requests ({', '.join(values)}) VALUES ({marks})"  # noqa: S608  # a struct's fields
    await connection.execute(query, *values.values())


async def change(connection: Connection, request_id: str, **values: Any) -> None:  # noqa: ANN401  # columns differ
    """Set columns of a request."""
    assignments = ", ".join(f"{name} = ${number}" for number, name in enumerate(values, 2))
    query = f"UPDATE support_requests SET {assignments} WHERE id = $1"  # noqa: S608  # names are ours
    await connection.execute(query, request_id, *values.values())


async def issue(connection: Connection, challenge: str, given: Challenge) -> None:
    """Keep a challenge that is about to be given out."""
    await connection.execute(
        "INSERT INTO support_challenges (hash, principal, person, verb, request, digest, issued_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        _hash(challenge),
        *msgspec.structs.astuple(given),
    )


async def burn(connection: Connection, challenge: str, now: float) -> Challenge | None:
    """Use a challenge up and say what it was for; None when there is none or it was used before.

    One statement, so of two who present the same challenge one gets it.
    """
    row = await connection.fetchrow(
        "UPDATE support_challenges SET burned_at = $2 WHERE hash = $1 AND burned_at IS NULL RETURNING *",
        _hash(challenge),
        now,
    )
    return None if row is None else msgspec.convert(dict(row), Challenge)


def _hash(challenge: str) -> bytes:
    return hashlib.sha256(challenge.encode()).digest()


def _request(row: asyncpg.Record) -> SupportRequest:
    return msgspec.convert(dict(row), SupportRequest)

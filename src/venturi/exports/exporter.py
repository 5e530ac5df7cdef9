"""Writes a tenant's records as NDJSON into the tenant's own bucket, and records it in the tenant's trail."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from venturi.exports.bucket import Buckets
from venturi.records.store import Records

if TYPE_CHECKING:
    from venturi.trail.trail import Trail

Event: TypeAlias = Mapping[str, Any]
"""The members that every event of one request shares."""
LONGEST_LINK = 300
"""Seconds."""
MOST_RECORDS = 10_000
_PAGE = 100


class TooMany(Exception):
    """The tenant has more records than one export takes."""


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """An export that was made. `sha256` is of the object's bytes; `link` works until `link_until` (UTC)."""

    id: str
    location: str
    records: int
    sha256: str
    link: str
    link_until: str


class Exporter:
    """Exports for one tenant at a time. `clock` tells seconds since 1970."""

    def __init__(
        self, records: Records, buckets: Buckets, trails: Mapping[str, Trail], clock: Callable[[], float]
    ) -> None:
        self._records, self._buckets, self._trails, self._clock = records, buckets, trails, clock

    async def export(self, tenant: str, seconds: int, who: str, event: Event) -> Export:
        """Export all records; the link is good for `seconds`.

        The row and the event are durable before the link leaves, for an erasure has to know of open links.
        Raises TooMany, VaultError, BucketUnavailable, TrailUnavailable.
        """
        ident = f"exp_{secrets.token_hex(16)}"
        lines = await self.lines(tenant)
        data = b"".join(line + b"\n" for line in lines)
        name = f"exports/{ident}.ndjson"
        location = await self._buckets.put(tenant, name, data)
        now = datetime.fromtimestamp(self._clock(), UTC)
        until = now + timedelta(seconds=seconds)
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        async with self._trails[tenant].transaction() as (connection, append):
            await connection.execute(
                "INSERT INTO exports VALUES ($1, $2, $3, $4, $5, $6, $7)",
                *(ident, location, len(lines), digest, who, now, until),
            )
            await append({**event, **_said(digest, len(lines), until)})
        link = await self._buckets.link(tenant, name, seconds)
        return Export(
            id=ident,
            location=location,
            records=len(lines),
            sha256=digest,
            link=link,
            link_until=_stamp(until),
        )

    async def lines(self, tenant: str) -> list[bytes]:
        """Every record of the tenant as one line of JSON; an erased subject's note is null. Raises TooMany."""
        lines: list[bytes] = []
        after = ""
        while page := await self._records.page(tenant, after, _PAGE):
            lines += [msgspec.json.encode(record) for record in page]
            after = page[-1].id
            if len(lines) > MOST_RECORDS:
                raise TooMany
        return lines


def _said(digest: str, records: int, until: datetime) -> dict[str, object]:
    return {
        "kind": "export",
        "action": "export.made",
        "object": {"type": "export", "id_hash": digest, "count": records},
        "export": {"link_until": _stamp(until)},
        "decision": {"outcome": "allow", "rule": None, "reason": None},
    }


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

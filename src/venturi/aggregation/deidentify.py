"""De-identification inside the tenant's plane: what leaves it names neither a person nor a tenant."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from venturi.aggregation.hierarchies import Hierarchy


@dataclass(frozen=True)
class Attributed:
    """What a tenant's store knows of one conversion; none of these leaves the tenant's plane as it is."""

    subject: str
    channel: str
    converted_at: datetime
    id: str = ""


@dataclass(frozen=True)
class Contribution:
    """One person in one cell. `person` and `source` are keyed hashes; the keys stay with the tenant.

    A person's hash is the same from run to run for one tenant, so that a later release can be held back when too few
    persons changed, and differs between tenants, so that it links nobody across them.
    """

    person: str
    source: str
    channel: str
    month: str


class Deidentifier:
    """Generalises and hashes under a tenant's own key (32 bytes), which the aggregation side never holds."""

    def __init__(self, key: bytes, channel: Hierarchy, month: Hierarchy) -> None:
        self._key, self._channel, self._month = key, channel, month

    def contributions(self, records: Iterable[Attributed]) -> list[Contribution]:
        """One contribution per person, of its first conversion, in an order that says nothing about the records'."""
        first: dict[str, Attributed] = {}
        for record in sorted(records, key=lambda each: each.converted_at, reverse=True):
            first[self.unit(record)] = record
        return sorted((self.contribution(record) for record in first.values()), key=lambda each: each.person)

    def contribution(self, record: Attributed) -> Contribution:
        """The contribution of one record."""
        return Contribution(
            person=self.person(self.unit(record)),
            source=self.source(),
            channel=self._channel.generalise(record.channel),
            month=self._month.generalise(f"{record.converted_at.astimezone(UTC):%Y-%m}"),
        )

    def unit(self, record: Attributed) -> str:
        """What is counted: persons, never conversions."""
        return record.subject

    def person(self, unit: str) -> str:
        """A keyed hash of the person (HMAC-SHA-256, RFC 2104), 32 hex digits."""
        return hmac.digest(self._key, b"person\0" + unit.encode(), hashlib.sha256).hex()[:32]

    def source(self) -> str:
        """A keyed hash that stands for the tenant, so that contributors can be counted without being named."""
        return hmac.digest(self._key, b"source", hashlib.sha256).hex()[:32]

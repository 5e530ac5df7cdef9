"""De-identification inside the tenant's plane: what leaves it names neither a person nor a tenant."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from venturi.aggregation.hierarchies import Hierarchy


@dataclass(frozen=True)
class Attributed:
    """What a tenant's store knows of one conversion; none of these leaves the tenant's plane as it is."""

    subject: str
    channel: str
    converted_at: datetime


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

    def contributions(self, records: Iterable[Attributed]) -> Iterator[Contribution]:
        """One contribution per person and cell, in no order that the records had."""
        seen = {self.contribution(record) for record in records}
        yield from sorted(seen, key=lambda each: (each.person, each.channel, each.month))

    def contribution(self, record: Attributed) -> Contribution:
        """The contribution of one record."""
        return Contribution(
            person=self.person(record.subject),
            source=self.source(),
            channel=self._channel.generalise(record.channel),
            month=self._month.generalise(f"{record.converted_at:%Y-%m}"),
        )

    def person(self, subject: str) -> str:
        """A keyed hash of the subject (HMAC-SHA-256, RFC 2104), 32 hex digits."""
        return hmac.digest(self._key, b"person\0" + subject.encode(), hashlib.sha256).hex()[:32]

    def source(self) -> str:
        """A keyed hash that stands for the tenant, so that contributors can be counted without being named."""
        return hmac.digest(self._key, b"source", hashlib.sha256).hex()[:32]

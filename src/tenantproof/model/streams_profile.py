"""The profile's [kafka] and [resolution]: the event streams with the logins lent to us, and how Stage A is fed.

The module is imported as a whole, and its annotations are read late, so that it and `profile` can name each other.
"""

from __future__ import annotations

import msgspec

from tenantproof.model import profile


class StreamLogin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One SASL user (SCRAM-SHA-512)."""

    user: str
    password: profile.Secret


class TenantStream(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tenant's topic and consumer group, and who writes and reads there; one user may do both."""

    topic: str
    group: str
    producer: StreamLogin
    consumer: StreamLogin


class Kafka(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The broker: `bootstrap` is host:port, also named in safety.hosts; `ca` a file with the certificate (PEM).

    `auditor` may read the broker's permissions (DESCRIBE on the cluster) and nothing else; without it what others than
    the tenants' own users hold is not assessed. `support` are the users of the vendor's support at the broker.
    """

    bootstrap: str
    tenants: dict[str, TenantStream]
    ca: str = ""
    auditor: StreamLogin | None = None
    support: tuple[str, ...] = ()


class Resolution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How Stage A is fed and read: operations `ingest` and `list` of [http], and the principals that may use them.

    `conversion` is the member of a record that names its conversion, `volatile` are those that differ between two
    records of the same facts. `seconds` is how long a record may take to appear.
    """

    writer: str = "collector"
    reader: str = "reader"
    conversion: str = "conversion"
    volatile: tuple[str, ...] = ("id", "created_at")
    key_header: str = "Idempotency-Key"
    seconds: float = 20.0

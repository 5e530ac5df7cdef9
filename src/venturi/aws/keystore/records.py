"""A KMS key and what belongs to it: material in versions, grants, aliases, tags, and its copies in other Regions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from venturi.aws.grants import Grant

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class Material:
    """One version of a key's material. `secret` is empty once it is gone; `digest` tells whether it is the same."""

    id: str
    secret: bytes
    digest: str
    created: datetime
    kind: str = ""
    """How it came about: "" for the first, ON_DEMAND or AUTOMATIC for a rotation, IMPORTED for one from outside."""
    description: str = ""
    valid_to: datetime | None = None


@dataclass(frozen=True)
class ImportToken:
    """What a caller got to wrap material with: for one key, one algorithm and a day."""

    key_arn: str
    algorithm: str
    private: rsa.RSAPrivateKey
    until: datetime


@dataclass
class Family:
    """What all copies of a multi-Region key share, and what a key of one Region has to itself."""

    primary: str
    """Region of the primary key."""
    materials: list[Material] = field(default_factory=list)
    pair: Any = None  # a private key of `cryptography`, of whichever kind the spec asks for
    rotation_days: int = 0
    """Period of automatic rotation; 0: off."""
    rotation_from: datetime | None = None
    members: dict[str, Key] = field(default_factory=dict)
    """Region to the copy there."""


@dataclass(eq=False)
class Key:
    """A KMS key as it stands at this moment."""

    account: str
    region: str
    id: str
    arn: str
    policy: str
    state: str
    spec: str = "SYMMETRIC_DEFAULT"
    usage: str = "ENCRYPT_DECRYPT"
    origin: str = "AWS_KMS"
    multi_region: bool = False
    description: str = ""
    manager: str = "CUSTOMER"
    created: datetime = _LONG_AGO
    deletion_date: datetime | None = None
    window: int = 0
    """Days of waiting that a primary key's deletion was scheduled with while it still has replicas."""
    family: Family = field(default_factory=lambda: Family(""))
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, datetime] = field(default_factory=dict)
    """Alias to when it was made or last moved."""
    held: dict[str, Grant] = field(default_factory=dict)
    """Grants by id."""
    last_used: tuple[str, datetime, str] | None = None
    """Operation, time and request id of the last cryptographic use."""

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The grants on this key."""
        return tuple(self.held.values())

    @property
    def is_primary(self) -> bool:
        """Whether this is the copy that the others were made from, or the only one."""
        return self.family.primary == self.region

    @property
    def is_pending(self) -> bool:
        """Whether the key is on its way out."""
        return self.state in ("PendingDeletion", "PendingReplicaDeletion")

    @property
    def current(self) -> Material:
        """The material that encrypts now."""
        return self.family.materials[-1]

    @property
    def next_rotation(self) -> datetime | None:
        """When it is rotated next, if it is rotated at all."""
        if not self.family.rotation_days or self.family.rotation_from is None:
            return None
        return self.family.rotation_from + timedelta(days=self.family.rotation_days)

"""What the deployment knows about who is asking, before and after the directory was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass(frozen=True)
class Verified:
    """A token that passed every check. It says who issued it and to whom, never for which tenant."""

    issuer: str
    subject: str
    scopes: frozenset[str]
    claims: Mapping[str, Any] = field(default_factory=dict)  # JSON, whatever the issuer put in


class Principal(msgspec.Struct, frozen=True):
    """Somebody bound to a tenant (`kind` "tenant") or to the vendor (`kind` "support", `tenant` None)."""

    id: str
    tenant: str | None
    kind: str
    person: str
    scopes: frozenset[str]


class InvalidToken(Exception):
    """The token is not one we accept; `why` goes to the vendor's security trail and never to the client."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class UnknownPrincipal(Exception):
    """A genuine token of a subject that the directory does not hold."""

"""One case of a vector: who attacks whom, at which operation, and the requests that the vector is made from."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from tenantproof.probes.contract import Endpoint
from tenantproof.probes.graphql import Asked, plain

_NO_LABEL = re.compile(r"[^a-z0-9-]+")
_ADDRESS = re.compile(r"[0-9.]+|.*:.*")
JSON = ("Content-Type", "application/json")
UNKNOWN = "no_such_parameter=1"
"""A query that keeps a strict service from carrying a request out."""


@dataclass(frozen=True)
class Party:
    """A tenant as a vector sees it. `objects` maps a collection's template to the id of an object in it.

    `parents` maps it to the id of what that object stands in, where the template names a {parent}.
    """

    id: str
    objects: Mapping[str, str] = field(default_factory=dict)
    cursors: Mapping[str, str] = field(default_factory=dict)
    """Name of an operation to a cursor that it gave this tenant."""
    members: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Name of a list to the texts of the first object in it, by member."""
    etags: Mapping[str, str] = field(default_factory=dict)
    echoes: Mapping[str, bytes] = field(default_factory=dict)
    """Template of a PUT to a body that would change nothing; empty where it is known that there is none."""
    parents: Mapping[str, str] = field(default_factory=dict)
    trace: str = ""
    """The trace id of a request of its own."""
    canary: str = ""
    """The canary of a record of its own."""
    host: str = ""
    """The host name of its own, where the profile says it."""


@dataclass
class Draft:
    """A request in the making. `caller` is whose token it carries; `target`, if set, goes out instead of the path."""

    caller: Party
    method: str
    path: str
    query: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    target: str = ""
    names: tuple[str, ...] = ()
    """Ids that it asks for and that an answer may therefore repeat."""
    server_name: str = ""
    """What TLS is told that the server is called (RFC 6066 section 3), if not what it is."""

    def asking(self, query: str) -> Draft:
        """The same with more in its query, as it stands there."""
        self.query = f"{self.query}&{query}" if self.query else query
        return self

    def saying(self, *headers: tuple[str, str]) -> Draft:
        """The same with more headers."""
        self.headers += headers
        return self

    def carrying(self, body: bytes, media: str) -> Draft:
        """The same with another body."""
        self.headers = [pair for pair in self.headers if pair[0].lower() != "content-type"]
        self.headers.append(("Content-Type", media))
        self.body = body
        return self

    def with_json(self, value: Any) -> Draft:  # noqa: ANN401  # JSON of any shape
        """The same with a JSON body."""
        return self.carrying(json.dumps(value).encode(), JSON[1])

    def by(self, method: str) -> Draft:
        """The same with another method."""
        self.method = method
        return self


@dataclass
class Case:
    """What a vector is built from. `samples` maps operations to JSON bodies that fit, `queries` to what they need."""

    attacker: Party
    victim: Party
    endpoint: Endpoint
    authority: str
    seed: int
    """Of what is drawn at random, so that a unit can be built again."""
    samples: Mapping[str, Any] = field(default_factory=dict)
    queries: Mapping[str, str] = field(default_factory=dict)
    records: Container[str] = frozenset()
    """Ids of the profile's records, by which a leak is known."""

    def foreign(self, tenant: str | None = None, ident: str | None = None) -> Draft:
        """The attacker asks under the victim's path for what is the victim's; either may be spelled otherwise."""
        return self.request(self.attacker, self.victim.id if tenant is None else tenant, ident, self.victim)

    def own(self, tenant: str | None = None, ident: str | None = None, within: Party | None = None) -> Draft:
        """The attacker asks under its own path for what is its own, or in what is `within` another's."""
        named = self.attacker.id if tenant is None else tenant
        draft = self.request(self.attacker, named, ident, self.attacker, within)
        echo = self.attacker.echoes.get(self.endpoint.template) if draft.method == "PUT" else None
        if echo:
            draft.body = echo
        elif echo is not None:
            # What was not set before must not be set by us: a parameter that nobody knows keeps it from being carried
            # out under the attacker's own path.
            draft.asking(UNKNOWN)
        return draft

    def of_victim(self) -> Draft:
        """The victim's own request, with its own token."""
        return self.request(self.victim, self.victim.id, None, self.victim)

    def request(
        self, caller: Party, tenant: str, ident: str | None, owner: Party, within: Party | None = None
    ) -> Draft:
        """The operation's request, complete enough to be carried out."""
        endpoint = self.endpoint
        path = endpoint.template.replace("{tenant}", tenant)
        if parent := (within or owner).parents.get(endpoint.collection):
            path = path.replace("{parent}", parent)
        for name in endpoint.others:
            path = path.replace(f"{{{name}}}", str(self.samples.get(f"path {name}", "1")))
        path = path.replace("{id}", self.object_of(owner) if ident is None else ident)
        draft = Draft(caller, endpoint.method, path, self.queries.get(endpoint.name, ""))
        if endpoint.graphql is not None:
            draft.with_json(plain(endpoint.graphql, Asked(owner.id, self.object_of(owner) if ident is None else ident)))
        elif endpoint.body is not None:
            draft.with_json(self.samples.get(endpoint.name))
        return draft

    def object_of(self, party: Party) -> str:
        """The id of an object of the party in the operation's collection, or one that nobody has."""
        return party.objects.get(self.endpoint.collection) or f"none_{self.rng.getrandbits(64):016x}"

    def host_of(self, party: Party) -> str:
        """The host name of a party: its own, or what it would be called below the target's."""
        if party.host:
            return party.host
        label = _NO_LABEL.sub("-", party.id.lower()).strip("-")[:63] or "tenant"
        host = (urlsplit(f"//{self.authority}").hostname or "").rstrip(".")
        return f"{label}.{host if host and not _ADDRESS.fullmatch(host) else 'example'}"

    @cached_property
    def rng(self) -> random.Random:
        """What is drawn at random; made where it is wanted, which is in few units."""
        return random.Random(self.seed)  # noqa: S311  # new, and no secret

    def json(self) -> dict[str, Any]:
        """A JSON object that fits the operation's body."""
        if self.endpoint.graphql is not None:
            return plain(self.endpoint.graphql, Asked(self.attacker.id, self.object_of(self.attacker)))
        value = self.samples.get(self.endpoint.name)
        return dict(value) if isinstance(value, dict) else {}

"""The ground of a sweep: what every tenant has that others could reach for, found by asking as its owner."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tenantproof.clients.canaries import markers
from tenantproof.clients.exchange import Answer, Headers, Request, new_probe
from tenantproof.clients.redaction import digest, digest_of_body
from tenantproof.clients.scent import Scent
from tenantproof.clients.sweep_wire import Volley
from tenantproof.clients.target import Target
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import PERMITTED, UNANSWERED, UNCLEAR
from tenantproof.probes.contract import Endpoint, endpoints, kind_of
from tenantproof.probes.graphql import Asked, plain
from tenantproof.probes.samples import body_of, queries_of, sample
from tenantproof.probes.sighting import json_object, refusal_name, sight
from tenantproof.probes.vectors.case import JSON, UNKNOWN, Draft, Party

_PASSED = frozenset({400, 404, 405, 409, 410, 412, 413, 415, 422, 428})
"""What a service says to somebody whom it let in, about the rest of the request."""
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_ACCEPT = ("Accept", "application/json")
_ENDS = ("ends_at", "expires_at", "expires", "valid_until")
"""Members that say when an object comes to an end."""
_MOVING = ("audit", "trail", "events", "log", "notif", "health")
"""Words in paths of what grows by itself; it is no state that a request could have changed."""
_LONGEST_ASKED = 128


class Ground:
    """Asks as owners over the ordinary wire, and remembers. Raises TargetError and UsageError as the target does."""

    def __init__(self, target: Target, folder: Path | None = None) -> None:
        self.target = target
        http = target.profile.http
        self.endpoints = tuple(
            self._informed(each)
            for each in endpoints(http, folder)
            if target.profile.safety.allow_writes or not each.is_write
        )
        rng = random.Random(target.sweep.seed)  # noqa: S311  # bodies, not secrets
        self.samples: dict[str, Any] = {each.name: body_of(each, rng) for each in self.endpoints}
        for each in self.endpoints:
            self.samples |= {f"path {name}": sample(schema, rng) for name, schema in each.others.items()}
        self.queries = {each.name: urlencode(queries_of(each, rng)) for each in self.endpoints}
        self._parties: dict[str, Party] = {}
        self._principals: dict[str, str] = {}
        self._bearers: dict[tuple[str, str], tuple[str, float]] = {}
        self._prints: dict[str, str] = {}
        self._shared: set[str] = set()

    @cached_property
    def tenants(self) -> tuple[str, ...]:
        """The ids of all tenants."""
        return tuple(tenant.id for tenant in self.target.profile.tenants)

    @cached_property
    def records(self) -> frozenset[str]:
        """The ids of all tenants' records."""
        return frozenset(record.id for tenant in self.target.profile.tenants for record in tenant.records)

    @cached_property
    def scent(self) -> Scent:
        """Every tenant's canaries, and the ids of what it has."""
        names = {tenant.id: markers(tenant.records) for tenant in self.target.profile.tenants}
        return Scent(self.target.canaries, names)

    def _informed(self, endpoint: Endpoint) -> Endpoint:
        """With what the profile's ids tell of those that stand in the operation's path."""
        reads = self.target.operation("read").path.split("/{id}")[0]
        ident = endpoint.ident or (kind_of(self.records) if endpoint.collection == reads else "")
        tls = self.target.profile.target.base_url.lower().startswith("https:")
        return replace(endpoint, ident=ident, tenant=endpoint.tenant or kind_of(self.tenants), tls=tls)

    def party(self, tenant: str) -> Party:
        """What the tenant has."""
        if tenant not in self._parties:
            self._parties[tenant] = self._found(tenant)
        return self._parties[tenant]

    def print_of(self, body: bytes) -> str:
        """The tenant that alone is told exactly this, or an empty text."""
        seen = digest_of_body(body)
        return "" if seen in self._shared else self._prints.get(seen, "")

    def bearer(self, tenant: str, endpoint: Endpoint) -> str:
        """A token of whoever of the tenant may carry out the operation."""
        return self.target.bearer(tenant, self.principal(endpoint))

    def principal(self, endpoint: Endpoint) -> str:
        """The name of a principal that the operation lets in, the same for every tenant; else the first."""
        if endpoint.name not in self._principals:
            self._principals[endpoint.name] = self._search(endpoint)
        return self._principals[endpoint.name]

    def request(self, draft: Draft, endpoint: Endpoint) -> Request:
        """The request of a draft, with the token of its caller and a probe id of its own."""
        name = self.principal(endpoint)
        token = self._bearer(draft.caller.id, name)
        headers: Headers = (("Authorization", f"Bearer {token}"), _ACCEPT, *draft.headers)
        path = f"{draft.path}?{draft.query}" if draft.query else draft.path
        return Request(
            method=draft.method,
            target=draft.target or path,
            headers=headers,
            body=draft.body,
            principal=f"{draft.caller.id}/{name}",
            probe=new_probe(),
            # What is refused may be asked again; of what a target carries out, only what comes to the same.
            repeatable=draft.method in _REPEATABLE or endpoint.graphql is not None,
        )

    def _bearer(self, tenant: str, name: str) -> str:
        """A token that is good for a while; within a second it is not asked for again."""
        token, until = self._bearers.get((tenant, name), ("", 0.0))
        if (now := time.monotonic()) >= until:
            token = self.target.bearer(tenant, name)
            self._bearers[tenant, name] = token, now + 1
        return token

    def lets_in(self, asked: Sequence[tuple[Endpoint, str]]) -> list[Observation]:
        """Owners' own requests (operation and tenant) get past the gate.

        A write has something wrong in it, so that none happens.
        """
        requests = [self._knock(endpoint, tenant, self.principal(endpoint)) for endpoint, tenant in asked]
        return [
            self._let_in(endpoint, tenant, request, answer)
            for (endpoint, tenant), request, answer in zip(asked, requests, self.ask(requests), strict=True)
        ]

    def states(self, tenants: Sequence[str]) -> dict[str, dict[str, str]]:
        """For each tenant, operation to the digest of what its owner is told: all that can be read and stands still."""
        names = [each.name for each in self._states]
        every = zip(tenants, self._told(self._states, tenants), strict=True)
        return {tenant: dict(zip(names, told, strict=True)) for tenant, told in every}

    def ask(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers to requests that are sent side by side, in their order."""
        answers: dict[int, Answer] = {}

        def sink(volley: Volley[int], came: Sequence[Answer]) -> None:
            answers[volley.tag] = came[0]

        volleys = (Volley(tag=place, requests=(request,)) for place, request in enumerate(requests))
        self.target.sweep_wire.run(volleys, sink)
        return [answers[place] for place in range(len(requests))]

    def _let_in(self, endpoint: Endpoint, tenant: str, request: Request, answer: Answer) -> Observation:
        outcome, notes = PERMITTED, [f"answered {answer.status}"]
        if not answer.is_whole:
            outcome, notes = UNANSWERED, [answer.failure or answer.malformed]
        elif not self._is_let_in(answer, endpoint, tenant):
            outcome = UNCLEAR
        return sight(f"{tenant} asks for {endpoint.name} of its own", request, answer, outcome, notes=notes)

    @cached_property
    def _states(self) -> tuple[Endpoint, ...]:
        still = [
            each
            for each in self.endpoints
            if each.method == "GET" and not any(word in each.template.lower() for word in _MOVING)
        ]
        once, again = (self._told(still, self.tenants[:1])[0] for _ in range(2))
        return tuple(each for each, told, same in zip(still, once, again, strict=True) if told and told == same)

    def _told(self, asked: Sequence[Endpoint], tenants: Sequence[str]) -> list[list[str]]:
        """Digests of what each tenant is told by each operation; empty where it is told nothing."""
        answers = iter(self.ask([self._own(each, tenant) for tenant in tenants for each in asked]))
        digests = (digest(lasting(answer.body)) if answer.status == 200 else "" for answer in answers)
        return [list(islice(digests, len(asked))) for _ in tenants]

    def _own(self, endpoint: Endpoint, tenant: str, query: str = "") -> Request:
        """The owner's own request."""
        party = self._parties.get(tenant) or self._recorded(tenant)
        return self._asked(endpoint, party, query)

    def _asked(self, endpoint: Endpoint, party: Party, query: str = "") -> Request:
        """The request of a party for what it has."""
        asked = "&".join(each for each in (self.queries[endpoint.name], query) if each)
        path = self._path(endpoint, party, party.objects.get(endpoint.collection, "none"))
        return self.request(Draft(party, endpoint.method, path, asked), endpoint)

    def _path(self, endpoint: Endpoint, party: Party, ident: str) -> str:
        path = endpoint.template.replace("{tenant}", party.id).replace("{id}", ident)
        if parent := party.parents.get(endpoint.collection):
            path = path.replace("{parent}", parent)
        for name in endpoint.others:
            path = path.replace(f"{{{name}}}", str(self.samples.get(f"path {name}", "1")))
        return path

    def _recorded(self, tenant: str) -> Party:
        """What the profile alone says."""
        told = self.target.tenant(tenant)
        records = told.records
        collection = self.target.operation("read").path.split("/{id}")[0]
        by_query = [each.collection for each in self.endpoints if each.graphql is not None]
        if not records:
            return Party(tenant, host=told.host)
        parents = {collection: records[0].parent} if records[0].parent else {}
        objects = dict.fromkeys((collection, *by_query), records[0].id)
        return Party(tenant, objects, parents=parents, canary=records[0].canary, host=told.host)

    def _found(self, tenant: str) -> Party:
        party = self._recorded(tenant)
        reads = [each for each in self.endpoints if each.method == "GET"]
        paged = [each for each in reads if any(parameter.name == "cursor" for parameter in each.parameters)]
        requests = [self._own(each, tenant) for each in reads] + [self._own(each, tenant, "limit=1") for each in paged]
        answers = self.ask(requests)
        told, pages = dict(zip(reads, answers, strict=False)), dict(zip(paged, answers[len(reads) :], strict=True))
        objects = dict(party.objects)
        members = {each.name: _texts(answer) for each, answer in told.items() if not each.has_object}
        for endpoint, answer in told.items():
            self._remember(tenant, answer)
            if not endpoint.has_object and endpoint.template not in objects and (ident := _first_id(answer)):
                objects[endpoint.template] = ident
        party = self._nested(replace(party, objects=objects))
        cursors = {each.name: json_object(page.body).get("next_cursor") for each, page in pages.items()}
        return replace(
            party,
            members=members,
            cursors={name: cursor for name, cursor in cursors.items() if isinstance(cursor, str)},
            etags={each.name: answer.header("etag") for each, answer in told.items() if answer.header("etag")},
            trace=requests[0].probe if requests else "",
            echoes=self._echoes({each.template: json_object(answer.body) for each, answer in told.items()}),
        )

    def _nested(self, party: Party) -> Party:
        """With the objects that stand in what the party has: each is the first of the list under its parent."""
        nested = [each for each in self.endpoints if each.has_parent and each.has_object]
        if not nested:
            return party
        names = dict.fromkeys(each.collection for each in nested)
        outer = {name: party.objects.get(name.split("/{parent}")[0], "") for name in names}
        parents = {name: ident for name, ident in outer.items() if ident} | dict(party.parents)
        party = replace(party, parents=parents)
        shown = {name.replace("{parent}", "{id}"): name for name in names}
        lists = [each for each in self.endpoints if each.method == "GET" and each.template in shown]
        found = self.ask([self._asked(each, party) for each in lists])
        inner = {shown[each.template]: _first_id(answer) for each, answer in zip(lists, found, strict=True)}
        objects = {name: ident for name, ident in inner.items() if ident} | dict(party.objects)
        party = replace(party, objects=objects)
        found += self.ask([self._asked(each, party) for each in nested if each.method == "GET"])
        for answer in found:
            self._remember(party.id, answer)
        return party

    def _remember(self, tenant: str, answer: Answer) -> None:
        """What one tenant alone is told is as good as a canary."""
        if answer.status != 200 or len(answer.body) < 16:
            return
        seen = digest(answer.body)
        if self._prints.setdefault(seen, tenant) != tenant:
            self._shared.add(seen)

    def _echoes(self, told: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
        """For every PUT that has a GET of the same path: a body that says what is there already, or none."""
        found = {}
        for put in (each for each in self.endpoints if each.method == "PUT"):
            said, wanted = told.get(put.template, {}), set((put.body or {}).get("required", ()))
            if said and wanted <= set(said):
                kept = {name: value for name, value in said.items() if name in wanted or not wanted}
                found[put.template] = json.dumps(kept).encode()
            elif said:
                found[put.template] = b""
        return found

    def _search(self, endpoint: Endpoint) -> str:
        first = self.tenants[0]
        names = list(self.target.tenant(first).principals)
        for name in names if "{tenant}" in endpoint.template or endpoint.graphql is not None else ():
            if self._is_let_in(self.target.wire.send(self._knock(endpoint, first, name)), endpoint, first):
                return name
        return names[0]

    def _knock(self, endpoint: Endpoint, tenant: str, principal: str) -> Request:
        """The owner's request; a write has a body that can't be read, or lacks what it needs."""
        body = b"{" if endpoint.is_write and endpoint.method != "DELETE" else b""
        if endpoint.graphql is not None:
            asked = Asked(tenant, self._recorded(tenant).objects.get(endpoint.collection, "none"))
            body = json.dumps(plain(endpoint.graphql, asked)).encode()
        ident = "none" if endpoint.is_write else self._recorded(tenant).objects.get(endpoint.collection, "none")
        path = self._path(endpoint, self._recorded(tenant), ident)
        query = self.queries[endpoint.name] if not endpoint.is_write else UNKNOWN
        headers = (("Authorization", f"Bearer {self.target.bearer(tenant, principal)}"), ("Accept", "application/json"))
        return Request(
            method=endpoint.method,
            target=f"{path}?{query}" if query else path,
            headers=(*headers, JSON) if endpoint.is_write or body else headers,
            body=body,
            principal=f"{tenant}/{principal}",
            probe=new_probe(),
            repeatable=True,
        )

    def is_served(self, answer: Answer, tenant: str, asked: Iterable[str] = ()) -> bool:
        """Whether something of the tenant's own came back that was not asked for by name."""
        found = self.scent.markers(answer) - set(asked)
        return answer.is_whole and any(self.scent.owner(each) == tenant for each in found)

    def _is_let_in(self, answer: Answer, endpoint: Endpoint, tenant: str) -> bool:
        if endpoint.graphql is not None:
            # A refusal is answered 200 as well; only the record itself shows that the query is right.
            return self.is_served(answer, tenant, self.records)
        named = refusal_name(answer, self.target.profile.http)
        if named in {"mismatch", "token", "scope"}:
            return False
        return 200 <= answer.status < 300 or answer.status in _PASSED


def lasting(body: bytes) -> bytes:
    """A list without those of its objects that come to an end by themselves: time changes them, and no attacker."""
    said = json_object(body)
    kept = {
        name: [each for each in value if not _ends(each)] if isinstance(value, list) else value
        for name, value in said.items()
    }
    return body if kept == said else json.dumps(kept, sort_keys=True).encode()


def _ends(value: object) -> bool:
    return isinstance(value, dict) and any(value.get(name) for name in _ENDS)


def _first_id(answer: Answer) -> str:
    """The id of the first object in a list, whatever the list is called."""
    ids = (item.get("id") for item in _listed(answer))
    return next((str(ident) for ident in ids if isinstance(ident, str | int)), "")


def _texts(answer: Answer) -> dict[str, str]:
    """The texts of the first object in a list, as far as they are short enough to be asked for."""
    first = next(_listed(answer), {})
    return {name: value for name, value in first.items() if isinstance(value, str) and len(value) <= _LONGEST_ASKED}


def _listed(answer: Answer) -> Iterator[dict[str, Any]]:
    """The objects of a list, whatever the list is called."""
    lists: Iterable[Any] = (value for value in json_object(answer.body).values() if isinstance(value, list))
    return (item for items in lists for item in items if isinstance(item, dict))


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The operations that tell something else than before."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))

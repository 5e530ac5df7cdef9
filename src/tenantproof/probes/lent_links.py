"""Links that an API hands out: each leads to its own object, with its own verb, for its own time, and nowhere else.

Vector X084 of the catalogue. Whoever holds such a link may follow it, that is what it is for; what is tried is to make
another one of it. A signature in a link is as good as a password, so evidence holds links without their values.
"""

from __future__ import annotations

import json
import posixpath
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from tenantproof.clients.canaries import found_in
from tenantproof.clients.exchange import Answer, Headers, Request, new_probe
from tenantproof.clients.redaction import digest
from tenantproof.clients.target import Target
from tenantproof.clients.wire import Place
from tenantproof.model.errors import UsageError
from tenantproof.model.links_profile import Links
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import PERMITTED, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.probes.pairwise import Pairwise
from tenantproof.probes.sighting import json_object, sight

_VECTOR = "X084"
_REFUSALS = frozenset({400, 401, 403, 404, 405, 410, 501})
_LIFETIMES = frozenset({"expires", "x-amz-expires", "x-goog-expires", "se", "exp"})
"""Names under which links say how long they are good, in lower case."""
_LONGER = 86_400
_A_MOMENT = 1.5
"""Seconds beyond the promise: links and clocks count whole ones."""


@dataclass(frozen=True)
class Attempt:
    """A link that nobody was given. `vector` says what was changed, `verb` with which one it is followed."""

    vector: str
    verb: str
    url: str

    def unit(self, attacker: str, victim: str) -> Unit:
        """How it is counted, and called in a report."""
        return Unit(attacker, victim, f"{self.verb} by a link", f"{_VECTOR} {self.vector}")


class LentLinks(Pairwise):
    """Has every tenant given a link, and changes it. Without [links] in the profile there is nothing to try."""

    needs: ClassVar[frozenset[str]] = frozenset({"http"})
    uses: ClassVar[frozenset[str]] = frozenset({"links"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._given: dict[str, str] = {}
        self._brief: dict[str, tuple[str, float]] = {}

    @property
    def holders(self) -> tuple[str, ...]:
        """Who was given a link."""
        return tuple(self._given)

    @property
    def holding(self) -> tuple[tuple[str, str], ...]:
        """Every ordered pair of an attacker and a victim who were given a link."""
        return self.among(self._given.keys())

    @property
    def units(self) -> int:
        """How many links are tried that nobody was given, once all have been given that are to be had."""
        crossed = sum(1 for one, other in self.holding for _ in crossing(self._given[one], self._given[other]))
        made = sum(1 for tenant in self.holders for _ in stretched(self._given[tenant]))
        return crossed + made + sum(1 for url, _ in self._brief.values() for _ in revived(url))

    def give(self, tenant: str) -> Observation:
        """A tenant asks for a link and follows it: permitted, if its own canaries come back."""
        url, observation = self._ask(tenant, self._table.body)
        if not url:
            return observation
        self._given[tenant] = url
        return self.follow(tenant)

    def follow(self, tenant: str) -> Observation:
        """A tenant follows the link that it was given: permitted, if its own canaries come back."""
        attempt = Attempt("as given", "GET", self._given[tenant])
        return self._follow(f"{tenant} follows its own link", tenant, attempt)

    def crossings(self, attacker: str, victim: str) -> Iterator[Observation]:
        """The attacker makes of its own link one that would lead to the victim's object."""
        for attempt in crossing(self._given[attacker], self._given[victim]):
            what = f"{attacker} makes a link to what is {victim}'s: {attempt.vector}"
            yield self._follow(what, attacker, attempt, attempt.unit(attacker, victim))

    def stretched(self, tenant: str) -> Iterator[Observation]:
        """A tenant makes of its own link one that can do more or lasts longer."""
        for attempt in stretched(self._given[tenant]):
            what = f"{tenant} makes more of its own link: {attempt.vector}"
            yield self._follow(what, tenant, attempt, attempt.unit(tenant, tenant))

    @property
    def mortal(self) -> tuple[str, ...]:
        """Who is given links that soon die."""
        return self.tenants if self.tenants and self._table.brief else ()

    @property
    def survivors(self) -> tuple[str, ...]:
        """Who was given a link that soon dies."""
        return tuple(self._brief)

    def give_briefly(self, tenant: str) -> Observation:
        """A tenant asks for a link that soon dies: permitted, if it is given one."""
        made = time.monotonic()
        url, observation = self._ask(tenant, self._table.brief)
        if url:
            self._brief[tenant] = url, made
        return observation

    def outlived(self, tenant: str) -> Iterator[Observation]:
        """The link that soon dies, once its time is over, and what can be made of it. Waits for that."""
        url, made = self._brief[tenant]
        time.sleep(max(0.0, made + self._table.seconds + _A_MOMENT - time.monotonic()))
        for attempt in revived(url):
            what = f"{tenant} follows a link that was good for {self._table.seconds:g} s: {attempt.vector}"
            yield self._follow(what, tenant, attempt, attempt.unit(tenant, tenant))

    def _ask(self, tenant: str, body: dict[str, Any]) -> tuple[str, Observation]:
        """The link that a tenant is given, or "", and the observation of its being given."""
        table = self._table
        request = self.target.request(
            table.operation,
            tenant=tenant,
            bearer=self.target.bearer(tenant, table.principal),
            headers=(("Content-Type", "application/json"),) if body else (),
            body=json.dumps(body).encode() if body else b"",
            principal=f"{tenant}/{table.principal}",
            probe=new_probe(),
        )
        answer = self.target.wire.send(request)
        url = json_object(answer.body).get(table.member)
        given = url if isinstance(url, str) and self._is_followed(url) else ""
        outcome: Outcome = PERMITTED if given else UNCLEAR if answer.is_whole else UNANSWERED
        notes = () if given else (f"no link in the member {table.member!r} of its answer to a host of safety.hosts",)
        return given, sight(f"{tenant} asks for a link", request, answer, outcome, notes=notes)

    def _is_followed(self, url: str) -> bool:
        """Whether it is a link, and leads where the profile lets us go: it is the target's word, whatever it says."""
        try:
            self.target.wire.allow(Place.of(url))
        except UsageError:
            return False
        return True

    @property
    def _table(self) -> Links:
        assert self.target.profile.links is not None, "the capability says that it is there"
        return self.target.profile.links

    def _follow(self, what: str, tenant: str, attempt: Attempt, unit: Unit | None = None) -> Observation:
        parts, probe = urlsplit(attempt.url), new_probe()
        headers: Headers = (("Accept", "*/*"),)
        principal = f"{tenant}/{self._table.principal}"
        sent, shown = (
            Request(method=attempt.verb, target=way, headers=headers, principal=principal, probe=probe)
            for way in (_way(parts, parts.query), _way(parts, _without_values(parts.query)))
        )
        answer = self.target.wire.send(sent, to=f"{parts.scheme}://{parts.netloc}")
        outcome, notes = self._judged(answer, own=tenant if unit is None else "")
        return sight(what, shown, answer, outcome, unit=unit, notes=notes)

    def _judged(self, answer: Answer, *, own: str) -> tuple[Outcome, tuple[str, ...]]:
        """What came of it. With `own` it should lead to that tenant's canaries, otherwise to nothing of anybody's."""
        canaries = self.target.canaries
        if own and found_in(answer, canaries[own]):
            return PERMITTED, ()
        if not own and any(found_in(answer, each) for each in canaries.values()):
            return PERMITTED, ("records came back",)
        if not answer.is_whole:
            return UNANSWERED, (answer.failure or answer.malformed,)
        if own:
            return UNCLEAR, ("none of its own canaries came back",)
        if 200 <= answer.status < 300:
            return PERMITTED, ("it was carried out",)
        return (REFUSED, ()) if answer.status in _REFUSALS else (UNCLEAR, (f"saw {answer.status}",))


def crossing(own: str, other: str) -> Iterator[Attempt]:
    """What can be made of a link and the address of another's object: the signature of one, the way of the other."""
    mine, theirs = urlsplit(own), urlsplit(other)
    folder = posixpath.dirname(theirs.path)
    climb = posixpath.dirname(mine.path) + "/.." * (mine.path.count("/") - 1)
    for vector, way, query in (
        ("its object under an own signature", theirs.path, mine.query),
        ("its object without a signature", theirs.path, ""),
        ("its object, climbed to from an own one", climb + theirs.path, mine.query),
        ("its object, climbed to in escapes", (climb + theirs.path).replace("/..", "/%2e%2e"), mine.query),
        ("its object as a second way", f"{mine.path}%00{theirs.path}", mine.query),
        ("its folder under an own signature", f"{folder}/", mine.query),
        ("a listing under an own signature", "/" + theirs.path.split("/")[1], f"list-type=2&{mine.query}"),
        ("a listing without a signature", "/" + theirs.path.split("/")[1], "list-type=2"),
    ):
        yield Attempt(vector, "GET", theirs._replace(path=way, query=query).geturl())
    yield Attempt("its object, deleted under an own signature", "DELETE", theirs._replace(query=mine.query).geturl())
    yield Attempt("its object, replaced under an own signature", "PUT", theirs._replace(query=mine.query).geturl())


def stretched(own: str) -> Iterator[Attempt]:
    """What can be made of a link alone: other verbs, a longer life, less of a signature."""
    mine = urlsplit(own)
    for verb in ("PUT", "POST", "DELETE"):
        yield Attempt("another verb", verb, own)
    yield Attempt("no signature", "GET", mine._replace(query="").geturl())
    for place, name, value in _lifetimes(mine.query):
        yield Attempt("a longer life", "GET", _with(mine, place, (name, value)))


def revived(own: str) -> Iterator[Attempt]:
    """What can be made of a link whose time is over."""
    mine = urlsplit(own)
    yield Attempt("its time is over", "GET", own)
    pairs = parse_qsl(mine.query, keep_blank_values=True)
    for place, name, value in _lifetimes(mine.query):
        yield Attempt("its time is over, and another one is said", "GET", _with(mine, place, (name, value)))
        first = (pairs[place], (name, value))
        yield Attempt("its time is over, and one more is said", "GET", _with(mine, place, *first))
        yield Attempt("its time is over, and one more is said first", "GET", _with(mine, place, *reversed(first)))


def _lifetimes(query: str) -> Iterator[tuple[int, str, str]]:
    """Where a link says how long it is good, under which name, and a day more of it."""
    for place, (name, value) in enumerate(parse_qsl(query, keep_blank_values=True)):
        if name.lower() in _LIFETIMES and value.isdecimal():
            yield place, name, str(int(value) + _LONGER)


def _with(parts: SplitResult, place: int, *said: tuple[str, str]) -> str:
    """The link with something else in this place of its query."""
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    return parts._replace(query=urlencode([*pairs[:place], *said, *pairs[place + 1 :]])).geturl()


def _way(parts: SplitResult, query: str) -> str:
    return f"{parts.path or '/'}?{query}" if query else parts.path or "/"


def _without_values(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    return "&".join(f"{name}={digest(value)}" for name, value in pairs)

"""Shows tokens to the read operation, and says what came of it; every probe of tokens builds on this."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from tenantproof.clients.exchange import Answer, Headers, Request
from tenantproof.clients.sweep_wire import Volley
from tenantproof.clients.tokens import Claims, parse
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ALIKE, PERMITTED, REFUSED, UNCLEAR, Outcome
from tenantproof.model.profile import Rotation
from tenantproof.probes.forging.material import Material
from tenantproof.probes.known_keys import KnownKeys
from tenantproof.probes.likeness import compare
from tenantproof.probes.public_keys import verifies
from tenantproof.probes.sighting import access, new_probe, refusal_name, sight

_KEPT, _SHORT = 512, 2048
"""How many judgements of answers are kept for answers that are the same, and of how many octets of body at most."""
_Said = tuple[str, tuple[str, ...], tuple[int, str, Headers, bytes, str, str]]


@dataclass(frozen=True, repr=False)
class Presented:
    """A token to try: who made it, whose claims it carries, at whose path it is shown, and what was done to it.

    `headers` take the place of Authorization and `query` goes into the target. `refusals` are further refusals of the
    contract that will do. `notes` say what is known of it beforehand.
    """

    attacker: str
    claimed: str
    at: str
    name: str
    token: str
    headers: Headers | None = None
    query: str = ""
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def unit(self) -> Unit:
        """The member of the population that this is; of a forgery its class stands first in `vector`."""
        return Unit(attacker=self.attacker, victim=self.claimed, operation="read", vector=self.name)


@dataclass(frozen=True)
class Shown:
    """What showing a token came to."""

    outcome: Outcome
    request: Request
    answer: Answer
    notes: tuple[str, ...]

    def sight(self, what: str, *, unit: Unit | None = None, notes: Iterable[str] = ()) -> Observation:
        """The observation of it."""
        return sight(what, self.request, self.answer, self.outcome, unit=unit, notes=(*self.notes, *notes))


class TokenProbe(KnownKeys):
    """Shows tokens to the read operation.

    Permitted means that a canary came back, or the very answer that a genuine token gets.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"http", "tokens"})

    @cached_property
    def tenants(self) -> tuple[str, ...]:
        """The ids of all tenants of the profile."""
        return tuple(tenant.id for tenant in self.target.profile.tenants)

    def neighbour(self, tenant: str) -> str:
        """Another tenant; going from neighbour to neighbour leads round all of them."""
        return self.tenants[(self.tenants.index(tenant) + 1) % len(self.tenants)]

    def genuine(self, tenant: str) -> Observation:
        """A tenant's genuine token at its own path; a note says if no key of its issuer's verifies it."""
        token = self.target.bearer(tenant)
        shown = self.put(tenant, token, tenant)
        if shown.outcome is PERMITTED:
            self._good[tenant] = shown.answer
            self._judged.clear()
        keys = self.known_keys(tenant, parse(token))
        if not self._is_shared and not any(verifies(token, key, self.settings.algorithms) for key in keys):
            # Then nothing made of it is a forgery of anything.
            notes = (*shown.notes, "no published key verifies the genuine token")
            shown = replace(shown, outcome=UNCLEAR, notes=notes)
        return shown.sight(f"{tenant} reads its own record with its genuine token")

    def show(self, presented: Presented) -> Observation:
        """Show a token at a path: refused is the contract's refusal of a token, and no other."""
        request = self._request_of(presented)
        return self._seen(presented, request, self.target.wire.send(request))

    def show_each(self, presented: Sequence[Presented]) -> Iterator[Observation]:
        """Show tokens over several connections at once; what was seen comes in their order."""
        volleys = [Volley(tag=place, requests=(self._request_of(each),)) for place, each in enumerate(presented)]
        answers: dict[int, Answer] = {}

        def sink(volley: Volley[int], came: Sequence[Answer]) -> None:
            answers[volley.tag] = came[0]

        self.target.sweep_wire.run(volleys, sink)
        for volley, each in zip(volleys, presented, strict=True):
            yield self._seen(each, volley.requests[0], answers[volley.tag])

    def put(self, as_: str, token: str, at: str, *, path: str = "") -> Shown:
        """Send one request that carries a token and say what it came to. `path` names another tenant in the path."""
        request = self._request(as_, at, (self.target.authorization(token),), path=path)
        return self._shown(at, request, self.target.wire.send(request), ())

    def _request_of(self, presented: Presented) -> Request:
        # An empty token is still shown.
        carried = (self.target.authorization(presented.token),) if presented.headers is None else presented.headers
        return self._request(presented.attacker, presented.at, carried, query=presented.query)

    def _request(self, as_: str, at: str, headers: Headers, *, query: str = "", path: str = "") -> Request:
        named = (as_, at, path, query)
        bare = self._bare.get(named) or self._without_token(*named)
        if not query:  # one that has a token in its query is sent once
            self._bare[named] = bare
        return Request(
            method=bare.method,
            target=bare.target,
            headers=(*headers, *bare.headers),
            principal=bare.principal,
            probe=new_probe(),
        )

    def _without_token(self, as_: str, at: str, path: str, query: str) -> Request:
        return self.target.request(
            self.target.operation("read"),
            tenant=path or at,
            record=self.target.tenant(at).records[0].id,
            query=query,
            principal=f"{as_}/reader",
        )

    def _seen(self, presented: Presented, request: Request, answer: Answer) -> Observation:
        shown = self._shown(presented.at, request, answer, presented.refusals)
        what = (
            f"{presented.attacker} shows a token in the name of {presented.claimed} at {presented.at}: {presented.name}"
        )
        return shown.sight(what, unit=presented.unit, notes=presented.notes)

    def _shown(self, at: str, request: Request, answer: Answer, refusals: tuple[str, ...]) -> Shown:
        outcome, notes = self._judgement(at, answer, refusals)
        return Shown(outcome, request, answer, notes)

    def _judgement(self, at: str, answer: Answer, refusals: tuple[str, ...]) -> tuple[Outcome, tuple[str, ...]]:
        """What an answer comes to; the same octets come to the same, and are looked at once."""
        if len(answer.body) > _SHORT:
            return self._judge(at, answer, refusals)
        said = (answer.status, answer.reason, answer.headers, answer.body, answer.failure, answer.malformed)
        key = (at, refusals, said)
        if key not in self._judged:
            if len(self._judged) >= _KEPT:
                self._judged.clear()
            self._judged[key] = self._judge(at, answer, refusals)
        return self._judged[key]

    def _judge(self, at: str, answer: Answer, refusals: tuple[str, ...]) -> tuple[Outcome, tuple[str, ...]]:
        canary = self.target.tenant(at).records[0].canary
        foreign = [each for each in self._canaries if each != canary]
        outcome, notes = access(answer, self.target.profile.http, wanted=[canary], foreign=foreign, refusal="token")
        if outcome is UNCLEAR:
            return self._look_again(at, answer, refusals, notes)
        return outcome, notes

    @cached_property
    def _canaries(self) -> tuple[str, ...]:
        return tuple(canary for own in self.target.canaries.values() for canary in own)

    def material(self, attacker: str, claimed: str) -> Material:
        """What an attacker has to forge a token of: his own, or one in another's name."""
        if (attacker, claimed) not in self._materials:
            own, victim = (parse(self.target.bearer(tenant)) for tenant in (attacker, claimed))
            keys, recovered = self.keys_of(victim), self.unpublished(claimed, victim)
            if attacker == claimed:
                other = parse(self.target.bearer(self.neighbour(attacker)))
                made = Material.in_own_name(own, other, keys, recovered=recovered)
            else:
                made = Material.in_anothers_name(own, victim, keys, recovered=recovered)
            self._materials[attacker, claimed] = made
        return self._materials[attacker, claimed]

    def _look_again(
        self, at: str, answer: Answer, refusals: tuple[str, ...], notes: tuple[str, ...]
    ) -> tuple[Outcome, tuple[str, ...]]:
        """What an answer comes to that is neither the record nor the usual refusal.

        A token is accepted when it gets what a genuine one gets, whatever that is; 401 alone is not a refusal.
        """
        good = self._good.get(at)
        if good is not None and compare(good, answer)[0] is ALIKE:
            return PERMITTED, ("the answer is the one that a genuine token gets",)
        http = self.target.profile.http
        if refusal_name(answer, http) in {*self.settings.refusals, *refusals}:
            return REFUSED, ()
        # RFC 6750 section 3.1: no code where no token was found; so does one that stands in the wrong place.
        if refusals and answer.is_whole and answer.status == http.refusals["token"].status:
            return REFUSED, ()
        return UNCLEAR, notes

    @property
    def rotation(self) -> Rotation | None:
        """The issuer whose keys the harness may turn, if there is one and it may write."""
        return self.settings.rotation if self.target.profile.safety.allow_writes else None

    @cached_property
    def _materials(self) -> dict[tuple[str, str], Material]:
        return {}

    @cached_property
    def _good(self) -> dict[str, Answer]:
        return {}

    @cached_property
    def _bare(self) -> dict[tuple[str, str, str, str], Request]:
        """Requests that still lack their tokens; a probe sends a handful of different ones."""
        return {}

    @cached_property
    def _judged(self) -> dict[_Said, tuple[Outcome, tuple[str, ...]]]:
        return {}


def is_for(payload: Claims, audience: str) -> bool:
    """Whether the claims name the audience."""
    named: Any = payload.get("aud")  # Any: the JSON is the issuer's
    return audience in named if isinstance(named, list) else named == audience


def lifetime(payload: Claims) -> float | None:
    """Seconds from the token's issue to its end, or None when it does not say."""
    issued, ends = payload.get("iat"), payload.get("exp")
    if isinstance(issued, int | float) and isinstance(ends, int | float):
        return float(ends - issued)
    return None

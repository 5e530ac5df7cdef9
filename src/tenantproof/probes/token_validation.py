"""Probes for token validation: genuine tokens that must do, and forged or unfit ones that must not."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.tokens import Claims, Token, parse
from tenantproof.model.errors import TargetError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import PERMITTED, Outcome
from tenantproof.model.profile import Tokens
from tenantproof.probes.forgeries import Forgery, Material, of_families
from tenantproof.probes.likeness import compare
from tenantproof.probes.probe import Probe
from tenantproof.probes.public_keys import verifies
from tenantproof.probes.sighting import access, new_probe, sight
from tenantproof.probes.trail_events import Sought, TrailReader

FORGED = ("unsigned", "damaged", "confused", "own key")
"""Families of tokens without a signature of the issuer."""
TAMPERED = ("tampered",)
"""The family of tokens whose claims were changed under the issuer's signature."""
_PLAIN = ("alg none, no signature", "empty signature", "signature of zeros", "a key of its own")
"""One forgery of each kind, for where it matters whose name it is made in."""
_ELSEWHERE = "https://elsewhere.invalid"
_SHORT = 2
"""Seconds of life of a token that is made to expire."""
_LEEWAY = 5.0
"""Seconds after its end for which a token may still be taken; clocks differ."""


@dataclass(frozen=True, repr=False)
class Presented:
    """A token to try: who made it, whose claims it carries, at whose path it is shown, and what was done to it."""

    attacker: str
    claimed: str
    at: str
    name: str
    token: str

    @property
    def unit(self) -> Unit:
        """The member of the population that this is."""
        return Unit(attacker=self.attacker, victim=self.claimed, operation="read", vector=self.name)


@dataclass(frozen=True, repr=False)
class ShortLived:
    """A genuine token that is about to expire; `until` is in the monotonic clock's seconds."""

    tenant: str
    token: str
    until: float


class TokenForge(Probe):
    """Shows tokens to the read operation; permitted means that any canary came back."""

    needs: ClassVar[frozenset[str]] = frozenset({"http", "tokens"})

    @cached_property
    def tenants(self) -> tuple[str, ...]:
        """The ids of all tenants of the profile."""
        return tuple(tenant.id for tenant in self.target.profile.tenants)

    def neighbour(self, tenant: str) -> str:
        """Another tenant; going from neighbour to neighbour leads round all of them."""
        return self.tenants[(self.tenants.index(tenant) + 1) % len(self.tenants)]

    def genuine(self, tenant: str) -> Observation:
        """A tenant's genuine token at its own path; a note says whether the signature is the published key's."""
        token = self.target.bearer(tenant)
        parsed = parse(token)
        keys = self._keys(parsed)
        algorithms = self._tokens.algorithms
        outcome, request, answer, notes = self._show(tenant, token, tenant)
        if not any(verifies(token, key, algorithms) for key in keys):
            # Then nothing made of it is a forgery of anything.
            outcome, notes = Outcome.UNCLEAR, (*notes, "no published key verifies the genuine token")
        return sight(f"{tenant} reads its own record with its genuine token", request, answer, outcome, notes=notes)

    def lending(self, tenant: str) -> Observation:
        """A tenant's genuine token at its own path; notes say which unfit tokens its issuer does not make."""
        outcome, request, answer, notes = self._show(tenant, self.target.bearer(tenant), tenant)
        lacking = [
            f"no genuine token {kind} to be had of the issuer, so none was tried"
            for kind, there in (
                ("for another audience", any(each.claimed == tenant for each in self.for_elsewhere)),
                ("that expires at once", any(each.tenant == tenant for each in self.short_lived())),
            )
            if not there
        ]
        what = f"{tenant} asks its issuer for unfit tokens and reads with a fit one"
        return sight(what, request, answer, outcome, notes=(*notes, *lacking))

    def forged(self, families: Iterable[str]) -> tuple[Presented, ...]:
        """Every forgery of the families for every tenant: of its own token, and of its neighbour's in its name."""
        named = tuple(families)
        return tuple(
            Presented(attacker, claimed, claimed, forgery.name, forgery.token)
            for claimed in self.tenants
            for attacker in (claimed, self.neighbour(claimed))
            for forgery in of_families(self._material(attacker, claimed), named)
        )

    def show(self, presented: Presented) -> Observation:
        """Show a token at a path: refused is the contract's refusal of a token, and no other."""
        outcome, request, answer, notes = self._show(presented.attacker, presented.token, presented.at)
        what = (
            f"{presented.attacker} shows a token in the name of {presented.claimed} at {presented.at}: {presented.name}"
        )
        return sight(what, request, answer, outcome, unit=presented.unit, notes=notes)

    @cached_property
    def for_elsewhere(self) -> tuple[Presented, ...]:
        """Genuine tokens for another audience, at the tenant's own path and at another's.

        None for tenants whose issuer does not make such tokens.
        """
        return tuple(self._for_elsewhere())

    def _for_elsewhere(self) -> Iterator[Presented]:
        for tenant in self.tenants:
            token = self._lent(tenant, audience=_ELSEWHERE)
            if token and not _is_for(parse(token).payload, self._tokens.audience):
                yield Presented(tenant, tenant, tenant, "for another audience", token)
                yield Presented(tenant, tenant, self.neighbour(tenant), "for another audience, elsewhere", token)

    def short_lived(self) -> tuple[ShortLived, ...]:
        """Genuine tokens that end in a moment; none for tenants whose issuer does not make such tokens."""
        made = []
        for tenant in self.tenants:
            token = self._lent(tenant, lifetime=_SHORT)
            lifetime = _lifetime(parse(token).payload) if token else None
            if lifetime is not None and lifetime <= _SHORT:
                made.append(ShortLived(tenant, token, time.monotonic() + lifetime))
        return tuple(made)

    def before_its_end(self, short: ShortLived) -> Observation:
        """A token that has not ended yet, at its own path."""
        outcome, request, answer, notes = self._show(short.tenant, short.token, short.tenant)
        return sight(f"{short.tenant} shows a token before it expires", request, answer, outcome, notes=notes)

    def after_its_end(self, short: ShortLived) -> Iterator[Observation]:
        """The same token when it has ended, at its own path and at another's; waits for the end and some leeway."""
        time.sleep(max(short.until + 1.0 - time.monotonic(), 0))
        for at, name in ((short.tenant, "expired"), (self.neighbour(short.tenant), "expired, elsewhere")):
            shown = Presented(short.tenant, short.tenant, at, name, short.token)
            while (seen := self.show(shown)).outcome is PERMITTED and time.monotonic() < short.until + _LEEWAY:
                time.sleep(0.5)
            yield seen

    @property
    def plain_forgeries(self) -> int:
        """How many pairs of a tenant and its neighbour there are, times the forgeries that each tries."""
        return len(self.tenants) * len(_PLAIN)

    def claiming(self, attacker: str) -> tuple[Presented, ...]:
        """Tokens that a tenant forges in its neighbour's name and shows at its own path."""
        claimed = self.neighbour(attacker)
        made = self._plain(attacker, claimed)
        return tuple(Presented(attacker, claimed, attacker, forgery.name, forgery.token) for forgery in made)

    def own_and_other_name(self, tenant: str) -> Iterator[Observation]:
        """Forged twice, in one's own name and in another tenant's, and shown at the same path.

        Alike, if the answer says nothing of whose name it was.
        """
        other = self.neighbour(tenant)
        for own, others in zip(self._plain(tenant, tenant), self._plain(tenant, other), strict=True):
            for at in (tenant, other):
                _, request, one, _ = self._show(tenant, own.token, at)
                _, second, two, _ = self._show(tenant, others.token, at)
                outcome, told = compare(one, two, [request.probe], [second.probe])
                what = f"{tenant} forges its own name and {other}'s and shows both at {at}: {own.name}"
                unit = Unit(attacker=tenant, victim=other, operation="read", vector=own.name)
                yield sight(what, request, one, outcome, unit=unit, notes=told)

    def own_path_and_anothers(self, tenant: str) -> Observation:
        """A genuine token at its own path and at another's: the comparison must see the difference."""
        token, other = self.target.bearer(tenant), self.neighbour(tenant)
        _, request, one, _ = self._show(tenant, token, tenant)
        _, second, two, _ = self._show(tenant, token, other)
        outcome, told = compare(one, two, [request.probe], [second.probe])
        what = f"{tenant} shows its genuine token at its own path and at {other}'s"
        return sight(what, request, one, outcome, notes=told)

    def _plain(self, attacker: str, claimed: str) -> tuple[Forgery, ...]:
        """One forgery of each kind that matters before the signature is looked at."""
        made = of_families(self._material(attacker, claimed), FORGED)
        return tuple(forgery for forgery in made if forgery.name in _PLAIN)

    def _show(self, as_: str, token: str, at: str) -> tuple[Outcome, Request, Answer, tuple[str, ...]]:
        record = self.target.tenant(at).records[0]
        request = self.target.request(
            self.target.operation("read"),
            tenant=at,
            record=record.id,
            bearer=token,
            principal=f"{as_}/reader",
            probe=new_probe(),
        )
        answer = self.target.wire.send(request)
        every = [canary for own in self.target.canaries.values() for canary in own]
        outcome, notes = access(
            answer,
            self.target.profile.http,
            wanted=[record.canary],
            foreign=[canary for canary in every if canary != record.canary],
            refusal="token",
        )
        return outcome, request, answer, notes

    def _material(self, attacker: str, claimed: str) -> Material:
        if (attacker, claimed) not in self._materials:
            own, victim = (parse(self.target.bearer(tenant)) for tenant in (attacker, claimed))
            if attacker == claimed:
                other = parse(self.target.bearer(self.neighbour(attacker)))
                made = Material.in_own_name(own, other, self._keys(own))
            else:
                made = Material.in_anothers_name(own, victim, self._keys(victim))
            self._materials[attacker, claimed] = made
        return self._materials[attacker, claimed]

    @cached_property
    def _materials(self) -> dict[tuple[str, str], Material]:
        return {}

    def _keys(self, token: Token) -> tuple[Claims, ...]:
        issuer = token.payload.get("iss")
        return self.target.tokens.key_set(issuer if isinstance(issuer, str) else "")

    def _lent(self, tenant: str, *, audience: str = "", lifetime: int = 0) -> str:
        """A token as asked for, or the empty string when the issuer refuses to make it."""
        name = f"tenant {tenant}, reader"
        try:
            token = self.target.tokens.fetch(
                self.target.principal(tenant), name=name, audience=audience, lifetime=lifetime
            )
            parse(token)
        except TargetError:
            return ""
        return token

    @property
    def _tokens(self) -> Tokens:
        assert self.target.profile.tokens
        return self.target.profile.tokens


class TokenForgeTrail(TokenForge):
    """The same, read back in the trails of those in whose name the tokens were forged."""

    needs: ClassVar[frozenset[str]] = frozenset({"http", "tokens", "trail"})

    @cached_property
    def _reader(self) -> TrailReader:
        return TrailReader(self.target)

    def genuine_in_trail(self, tenant: str) -> Observation:
        """A tenant's genuine read, found in its trail: an event of its own would be seen."""
        _, request, answer, _ = self._show(tenant, self.target.bearer(tenant), tenant)
        reading = self._reader.appear(tenant, self._sought(request, answer))
        what = f"{tenant} finds its genuine read in its trail"
        return sight(what, reading.request, reading.answer, reading.outcome, notes=reading.notes)

    def named_in_trail(self, presented: Presented) -> Observation:
        """Show a forged token, then look into the trail of the tenant in whose name it was forged."""
        _, request, answer, _ = self._show(presented.attacker, presented.token, presented.at)
        reading = self._reader.miss(presented.claimed, self._sought(request, answer))
        what = f"{presented.claimed} looks in its trail for a token forged in its name: {presented.name}"
        unit = Unit(attacker=presented.attacker, victim=presented.claimed, operation="read", vector=presented.name)
        notes = (*reading.notes, f"of probe {request.probe}")
        return sight(what, reading.request, reading.answer, reading.outcome, unit=unit, notes=notes)

    def _sought(self, request: Request, answer: Answer) -> Sought:
        return Sought(request.probe, request.method, self.target.operation("read").path, answer, "")


def _is_for(payload: Claims, audience: str) -> bool:
    named: Any = payload.get("aud")  # Any: the JSON is the issuer's
    return audience in named if isinstance(named, list) else named == audience


def _lifetime(payload: Claims) -> float | None:
    """Seconds from the token's issue to its end, or None when it does not say."""
    issued, ends = payload.get("iat"), payload.get("exp")
    if isinstance(issued, int | float) and isinstance(ends, int | float):
        return float(ends - issued)
    return None

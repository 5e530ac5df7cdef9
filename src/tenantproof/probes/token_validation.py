"""Probes for token validation: genuine tokens that must do, and forged or unfit ones that must not."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.tokens import Token, base64url, parse
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import PERMITTED
from tenantproof.probes.forging import catalogue
from tenantproof.probes.forging.families import Forgery
from tenantproof.probes.forging.material import Material
from tenantproof.probes.key_rotation import KeyRotation
from tenantproof.probes.likeness import compare
from tenantproof.probes.sighting import sight
from tenantproof.probes.strangers import stranger_tenant
from tenantproof.probes.token_showing import Presented, is_for, lifetime
from tenantproof.probes.token_sweep import TokenSweep
from tenantproof.probes.token_timing import race
from tenantproof.probes.trail_events import Sought, TrailReader

__all__ = ["KeyRotation", "Presented", "TokenForge", "TokenForgeTrail"]

_PLAIN = ("J001", "J012", "J016", "J024")
"""One class of each kind, for where it matters whose name it is made in."""
_ELSEWHERE = "https://elsewhere.invalid"
_SHORT = 2
"""Seconds of life of a token that is made to expire."""
_LEEWAY = 5.0
"""Seconds after its end for which a token may still be taken; clocks differ."""


@dataclass(frozen=True, repr=False)
class ShortLived:
    """A genuine token that is about to expire; `until` is in the monotonic clock's seconds."""

    tenant: str
    token: str
    until: float


class TokenForge(TokenSweep):
    """Tokens that are unfit, and forged ones whose name is the point."""

    pairs: ClassVar[int] = 60
    """How many pairs of requests a round of timing takes."""

    def lending(self, tenant: str) -> Observation:
        """A tenant's genuine token at its own path; notes say which unfit tokens its issuer does not make."""
        lacking = [
            f"no genuine token {kind} to be had of the issuer, so none was tried"
            for kind, there in (
                ("for another audience", any(each.claimed == tenant for each in self.for_elsewhere)),
                ("that expires at once", any(each.tenant == tenant for each in self.short_lived())),
            )
            if not there
        ]
        what = f"{tenant} asks its issuer for unfit tokens and reads with a fit one"
        return self.put(tenant, self.target.bearer(tenant), tenant).sight(what, notes=lacking)

    @cached_property
    def for_elsewhere(self) -> tuple[Presented, ...]:
        """Genuine tokens for another audience, at the tenant's own path and at another's.

        None for tenants whose issuer does not make such tokens.
        """
        return tuple(self._for_elsewhere())

    def _for_elsewhere(self) -> Iterator[Presented]:
        for tenant in self.tenants:
            token = self.lent(tenant, audience=_ELSEWHERE)
            if token and not is_for(parse(token).payload, self.settings.audience):
                yield Presented(tenant, tenant, tenant, "J183 for another audience", token)
                yield Presented(tenant, tenant, self.neighbour(tenant), "J183 for another audience, elsewhere", token)

    def short_lived(self) -> tuple[ShortLived, ...]:
        """Genuine tokens that end in a moment; none for tenants whose issuer does not make such tokens."""
        made = []
        for tenant in self.tenants:
            token = self.lent(tenant, lifetime=_SHORT)
            seconds = lifetime(parse(token).payload) if token else None
            if seconds is not None and seconds <= _SHORT:
                made.append(ShortLived(tenant, token, time.monotonic() + seconds))
        return tuple(made)

    def before_its_end(self, short: ShortLived) -> Observation:
        """A token that has not ended yet, at its own path."""
        return self.put(short.tenant, short.token, short.tenant).sight(
            f"{short.tenant} shows a token before it expires"
        )

    def after_its_end(self, short: ShortLived) -> Iterator[Observation]:
        """The same token when it has ended, at its own path and at another's; waits for the end and some leeway."""
        time.sleep(max(short.until + 1.0 - time.monotonic(), 0))
        for at, name in ((short.tenant, "J158 expired"), (self.neighbour(short.tenant), "J158 expired, elsewhere")):
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
        return tuple(Presented(attacker, claimed, attacker, forgery.vector, forgery.token) for forgery in made)

    def own_and_other_name(self, tenant: str) -> Iterator[Observation]:
        """Forged twice, in one's own name and in another tenant's, and shown at the same path.

        Alike, if the answer says nothing of whose name it was.
        """
        other = self.neighbour(tenant)
        for own, others in zip(self._plain(tenant, tenant), self._plain(tenant, other), strict=True):
            for at in (tenant, other):
                one, two = self.put(tenant, own.token, at), self.put(tenant, others.token, at)
                outcome, told = compare(one.answer, two.answer, [one.request.probe], [two.request.probe])
                what = f"{tenant} forges its own name and {other}'s and shows both at {at}: {own.name}"
                unit = Unit(attacker=tenant, victim=other, operation="read", vector=own.vector)
                yield sight(what, one.request, one.answer, outcome, unit=unit, notes=told)

    def somebody_and_nobody(self, tenant: str) -> Iterator[Observation]:
        """Forged in the name of a tenant that exists and of one that does not, and shown at both their paths.

        Alike, if a forger can't learn which tenants there are.
        """
        other = self.neighbour(tenant)
        nobody = stranger_tenant(other, self.tenants)
        strangers = self._plain(tenant, other, renamed=nobody)
        for own, stranger in zip(self._plain(tenant, other), strangers, strict=True):
            one = self.put(tenant, own.token, other)
            for what, two in (
                ("at their paths", self.put(tenant, own.token, other, path=nobody)),
                ("in their names", self.put(tenant, stranger.token, other)),
            ):
                names = [one.request.probe, other], [two.request.probe, nobody]
                outcome, told = compare(one.answer, two.answer, *names)
                said = f"{tenant} shows a token forged of {other} and of nobody, {what}: {own.name}"
                unit = Unit(attacker=tenant, victim=other, operation="read", vector=own.vector)
                yield sight(said, one.request, one.answer, outcome, unit=unit, notes=told)

    def own_path_and_anothers(self, tenant: str) -> Observation:
        """A genuine token at its own path and at another's: the comparison must see the difference."""
        token, other = self.target.bearer(tenant), self.neighbour(tenant)
        one, two = self.put(tenant, token, tenant), self.put(tenant, token, other)
        outcome, told = compare(one.answer, two.answer, [one.request.probe], [two.request.probe])
        what = f"{tenant} shows its genuine token at its own path and at {other}'s"
        return sight(what, one.request, one.answer, outcome, notes=told)

    def time_taken(self) -> Observation:
        """How long the refusal of a forgery takes, in one's own name and in another tenant's; alike, if as long."""
        tenant = self.tenants[0]
        other = self.neighbour(tenant)
        own, others = (self._plain(tenant, claimed)[-1] for claimed in (tenant, other))
        raced = race(
            lambda: self.put(tenant, own.token, tenant).answer.seconds,
            lambda: self.put(tenant, others.token, tenant).answer.seconds,
            pairs=self.pairs,
        )
        shown = self.put(tenant, others.token, tenant)
        what = f"{tenant} times the refusal of its own name and of {other}'s: {own.name}"
        unit = Unit(attacker=tenant, victim=other, operation="read", vector=f"{own.vector}, timed")
        return sight(what, shown.request, shown.answer, raced.outcome(), unit=unit, notes=raced.told())

    def _plain(self, attacker: str, claimed: str, *, renamed: str = "") -> tuple[Forgery, ...]:
        """One forgery of each kind that matters before the signature is looked at; `renamed` claims another name."""
        material = self.material(attacker, claimed)
        if renamed:
            material = _renamed(material, claimed, renamed)
        made = catalogue.one_of_each(material)
        return tuple(forgery for forgery in made if forgery.klass in _PLAIN)


class TokenForgeTrail(TokenForge):
    """The same, read back in the trails of those in whose name the tokens were forged."""

    needs: ClassVar[frozenset[str]] = frozenset({"http", "tokens", "trail"})

    @cached_property
    def _reader(self) -> TrailReader:
        return TrailReader(self.target)

    def genuine_in_trail(self, tenant: str) -> Observation:
        """A tenant's genuine read, found in its trail: an event of its own would be seen."""
        shown = self.put(tenant, self.target.bearer(tenant), tenant)
        reading = self._reader.appear(tenant, self._sought(shown.request, shown.answer))
        what = f"{tenant} finds its genuine read in its trail"
        return sight(what, reading.request, reading.answer, reading.outcome, notes=reading.notes)

    def named_in_trail(self, presented: Presented) -> Observation:
        """Show a forged token, then look into the trail of the tenant in whose name it was forged."""
        shown = self.put(presented.attacker, presented.token, presented.at)
        reading = self._reader.miss(presented.claimed, self._sought(shown.request, shown.answer))
        what = f"{presented.claimed} looks in its trail for a token forged in its name: {presented.name}"
        notes = (*reading.notes, f"of probe {shown.request.probe}")
        return sight(what, reading.request, reading.answer, reading.outcome, unit=presented.unit, notes=notes)

    def _sought(self, request: Request, answer: Answer) -> Sought:
        return Sought(request.probe, request.method, self.target.operation("read").path, answer, "")


def _renamed(material: Material, was: str, name: str) -> Material:
    """The material with a tenant's name replaced wherever the claims say it."""
    text = json.dumps(dict(material.payload))
    claims = json.loads(re.sub(rf"(?<![0-9A-Za-z_-]){re.escape(was)}(?![0-9A-Za-z_-])", name, text))
    head, _, signature = material.base.segments
    segments = (head, base64url(json.dumps(claims, separators=(",", ":")).encode()), signature)
    return replace(material, base=Token(material.header, claims, material.base.signature, segments))

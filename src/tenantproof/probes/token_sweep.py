"""The sweep: every class of forgeries, block by block, between genuine tokens that still do."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from itertools import islice

import msgspec

from tenantproof.clients.certificate import certificate_of
from tenantproof.clients.exchange import new_probe
from tenantproof.clients.listener import Listener, listening
from tenantproof.clients.recovered_key import Recovered
from tenantproof.clients.redaction import one_line
from tenantproof.clients.tokens import Claims, parse
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, UNCLEAR
from tenantproof.probes.forging import catalogue
from tenantproof.probes.forging.families import Forgery
from tenantproof.probes.forging.key_search import Searched, search
from tenantproof.probes.forging.key_set import weaknesses
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.power import EXHIBIT, measured, power_json, power_of
from tenantproof.probes.forging.published import published
from tenantproof.probes.forging.raw import maced
from tenantproof.probes.forging.reuse import CLASS as REUSED
from tenantproof.probes.forging.transport import disagreeing
from tenantproof.probes.forging.witness import witness_of
from tenantproof.probes.public_keys import public_key
from tenantproof.probes.token_lending import TokenLending
from tenantproof.probes.token_showing import Presented

_BLOCK = 100
"""Tokens between two looks at whether a genuine one still does."""
_EVERYWHERE = frozenset(
    "J001 J003 J011 J012 J016 J024 J029 J037 J049 J053 J066 J081 J089 J106 J114 J128 J142".split()  # noqa: SIM905  # shorter so
)
"""A class or two of each family."""
_LOOKED_AT = frozenset({"J103", "J112"})
"""Classes that are decided by looking at what is published, not by a token."""
COMPUTED = "J049"
"""The class of what is forged with a key that was computed of two tokens."""
_ANY_REFUSAL = ("token", "missing", "invalid", "mismatch")
"""A token that stands where none belongs is refused in more than one way, and each is right."""


class TokenSweep(TokenLending):
    """Makes forgeries of every class and shows them."""

    @cached_property
    def forged(self) -> tuple[Presented, ...]:
        """All forgeries of the first tenant's token, and one of each kind of every tenant's in its neighbour's hands.

        Those that a witness takes for genuine are left out: they forge nothing.
        """
        first = self.tenants[0]
        every = self._witnessed(first, first, catalogue.forge(self._whole, catalogue.FORGED))
        others = [
            each
            for claimed in self.tenants
            for each in self._witnessed(
                self.neighbour(claimed),
                claimed,
                self._everywhere(self.neighbour(claimed), claimed),
            )
        ]
        return (*every, *others, *self.carried, *self._by_guessed_key(first))

    @cached_property
    def edited(self) -> tuple[Presented, ...]:
        """Tokens with claims that the issuer did not write, in one's own name and in a neighbour's."""
        first = self.tenants[0]
        every = self._witnessed(first, first, catalogue.forge(self._whole, (catalogue.EDITED,)))
        others = [
            each
            for claimed in self.tenants
            for attacker in (self.neighbour(claimed),)
            for each in self._witnessed(
                attacker, claimed, catalogue.one_of_each(self.material(attacker, claimed), (catalogue.EDITED,))
            )
        ]
        return (*every, *others)

    @cached_property
    def carried(self) -> tuple[Presented, ...]:
        """Forged tokens in every place where a token may travel, and beside a genuine one of somebody else's."""
        claimed = self.tenants[0]
        attacker = self.neighbour(claimed)
        alone = [
            Presented(claimed, claimed, claimed, each.vector, each.token, each.headers, each.query, _ANY_REFUSAL)
            for each in catalogue.carried(self._whole)
        ]
        own, forged = self.target.bearer(attacker), self._two_kinds(attacker, claimed)
        beside = [
            Presented(attacker, claimed, claimed, f"J188 {name}, {kind}", token, headers, query, _ANY_REFUSAL)
            for kind, token in forged.items()
            for name, headers, query in disagreeing(own, token)
        ]
        return (*alone, *beside)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """For as long as the block lasts, tokens may name a listener of ours, if the profile allows it."""
        if not self.target.profile.safety.allow_listener:
            yield
            return
        kids = tuple(str(key.get("kid", "")) for tenant in self.tenants for key in self.material(tenant, tenant).keys)
        with listening(lambda url, target: published(url, target, kids)) as self._listener:
            yield

    def fetched(self) -> Iterator[Observation]:
        """For each class that names our listener: whether the target asked it for anything; none without a listener.

        A token that was refused all the same has still sent the target wherever its author liked.
        """
        if self._listener is None:
            return
        hears, first = self._listener.hears(), self.tenants[0]
        sent = {each.name.split(" ", 1)[0] for each in self.forged}
        for ident in self.addressed:
            calls = self._listener.calls(ident)
            # An address that no token named was not asked because nobody knew it.
            outcome = PRESENT if calls else ABSENT if hears and ident in sent else UNCLEAR
            yield Observation(
                probe=new_probe(),
                what=f"the target asks the address that a token names: {catalogue.CLASSES[ident].name}",
                outcome=outcome,
                at=time.time(),
                unit=Unit(attacker=first, victim=first, operation="fetch", vector=f"{ident} fetched"),
                notes=(*(f"asked for {one_line(target)}" for target in calls[:3]),),
            )

    def published_keys(self) -> Iterator[Observation]:
        """For each tenant: present, if its tokens' key set has a weak key (J112) or two of one id (J103).

        A key that was computed of two tokens can be weak just so.
        """
        found = weaknesses({tenant: _told_apart(self.material(tenant, tenant)) for tenant in self.tenants})
        for tenant, weak in found.items():
            yield Observation(
                probe=new_probe(),
                what=f"the public keys of {tenant} are looked at",
                outcome=PRESENT if weak else ABSENT,
                at=time.time(),
                unit=Unit(attacker=tenant, victim=tenant, operation="keys", vector="J112 a weak key in the key set"),
                notes=tuple(one_line(each) for each in weak[:3]),
            )

    @property
    def addressed(self) -> tuple[str, ...]:
        """The classes whose tokens name our listener."""
        named = (each for each in catalogue.CLASSES.values() if each.needs == "listener")
        return tuple(each.ident for each in named) if self._listener else ()

    def blocks(self, presented: Iterable[Presented]) -> Iterator[tuple[Presented, ...]]:
        """The tokens in blocks, until a genuine token stops working: then refusals mean nothing any more."""
        self._is_alive = True
        waiting = iter(presented)
        while self._is_alive and (block := tuple(islice(waiting, _BLOCK))):
            yield block

    def still_genuine(self, block: tuple[Presented, ...]) -> Observation:
        """The genuine token of whoever the last block was about."""
        seen = self.genuine(block[-1].at)
        self._is_alive = seen.outcome is PERMITTED
        return seen

    def spellings(self, tenant: str) -> Observation:
        """Other spellings of a genuine token, and then the token itself; notes say which spellings are taken.

        Whoever takes one has forged nothing, so this is told apart and settles no claim about forgeries.
        """
        material = self.material(tenant, tenant)
        taken, refused = [], 0
        for spelling in catalogue.forge(material, (catalogue.SPELLED,)):
            outcome = self.put(tenant, spelling.token, tenant).outcome
            refused += outcome is REFUSED
            if outcome is PERMITTED:
                taken.append(spelling.vector)
        seen = self.genuine(tenant)
        told = f"spellings of a valid token: {refused} refused, {len(taken)} taken for the token"
        notes = (told, *(f"taken: {vector}" for vector in taken))
        return _noted(seen, notes)

    def after_genuine(self, tenant: str) -> Iterator[Observation]:
        """J185: a genuine token, at once its forged twins that a careless cache confuses with it, and those again."""
        material = self.material(tenant, tenant)
        for forgery in _twins(material):
            for turn in ("first", "again"):
                self.put(tenant, material.base.text, tenant)
                name = f"{forgery.vector}, {turn}"
                yield self.show(Presented(tenant, tenant, tenant, name, forgery.token))

    def twins(self, tenant: str) -> int:
        """How many trials `after_genuine` makes."""
        return 2 * len(list(_twins(self.material(tenant, tenant))))

    def coverage(self, tenant: str) -> Observation:
        """The genuine token again; notes count the classes tried, and name those that were not and what they need."""
        every = (*self.forged, *self.edited, *self.by_lent_keys, *self.issued)
        sent = Counter(each.name.split(" ", 1)[0] for each in every) + Counter({REUSED: self.reuses})
        looked_at = _LOOKED_AT | ({COMPUTED} if self._published_twin else frozenset())
        needs = {COMPUTED: self._computed.because}
        power = power_of(sent, looked_at, needs)
        self.target.exhibits[EXHIBIT] = power_json(power)
        turned = {"J102"} if self.rotation else set[str]()
        tried = (
            sent.keys()
            | looked_at
            | turned
            | {each.klass for each in catalogue.forge(self._whole, (catalogue.SPELLED,))}
        )
        left = catalogue.open_classes(tried, needs)
        notes = (
            f"classes of the catalogue: {len(tried)} tried, {len(left)} not",
            f"classes whose power is not proven: {', '.join(power.unproven) or 'none'}",
            f"search for a shared key, offline: {self._searched.skipped or f'{self._searched.tried} keys tried'}",
            *self._of_the_computed_key(),
            *(f"not tried: {ident}, needs {needs}" for ident, needs in left.items()),
        )
        return _noted(self.genuine(tenant), notes)

    _is_alive = True
    _listener: Listener | None = None

    @property
    def _whole(self) -> Material:
        """The first tenant's token with everything that can be had: a second token, and a listener of ours if it is up.

        Not kept: what is made before the listener is up must not leave what is made afterwards without one.
        """
        return replace(self._with_spare, listener=self._listener.url if self._listener else "")

    @cached_property
    def _with_spare(self) -> Material:
        first = self.tenants[0]
        material = self.material(first, first)
        spare = self.lent(first)
        other = parse(spare) if spare and spare != material.base.text else None
        computed = self._computed.jwk
        return replace(
            material,
            spare=other,
            certificate=certificate_of(self.target.profile.target.base_url),
            # Of one that is published all forgeries are made anyhow.
            recovered=(computed,) if computed and not self._published_twin else (),
        )

    @cached_property
    def _computed(self) -> Recovered:
        """The key of the first tenant's tokens as two of them give it, or what that would take."""
        first = self.tenants[0]
        return self.recovered(first, self.material(first, first).base)

    @cached_property
    def _published_twin(self) -> Claims | None:
        """The published key that the computed one is, if it is one."""
        if self._computed.jwk is None:
            return None
        key, first = public_key(self._computed.jwk), self.tenants[0]
        return next((each for each in self.material(first, first).keys if public_key(each) == key), None)

    def _of_the_computed_key(self) -> Iterator[str]:
        """What is to be said of a key that was computed."""
        if self._computed.jwk is None:
            return
        begins = f"{COMPUTED}: two tokens of {self.tenants[0]} give"
        ends = f"(computed in {self._computed.seconds:.1f} s)"
        if (twin := self._published_twin) is None:
            yield f"{begins} the key of their issuer, which the profile names nowhere {ends}"
        else:
            kid = one_line(str(twin.get("kid", "without an id")))
            yield f"{begins} the published key {kid}, so J037 to J048 have shown what is forged with it {ends}"

    @cached_property
    def _searched(self) -> Searched:
        """The search for a shared key, offline; nothing is sent."""
        others = (self.material(tenant, tenant).payload for tenant in self.tenants)
        return search(self._whole.base, claims=(*others, {"target": self.target.profile.target.base_url}))

    def _by_guessed_key(self, tenant: str) -> Iterator[Presented]:
        """A token of other claims by the key that the search found, if it found one."""
        if self._searched.found is None:
            return
        bits = str(self._whole.header["alg"])[2:]
        token = maced(self._whole.header, self._whole.claims(jti="forged"), self._searched.found, bits)
        yield Presented(tenant, tenant, tenant, "J031 signed with the key that a search found offline", token)

    def _everywhere(self, attacker: str, claimed: str) -> Iterator[Forgery]:
        """One forgery of each kind, for where the class was tried already and only the tenants are others."""
        made = catalogue.one_of_each(self.material(attacker, claimed))
        return (each for each in made if each.klass in _EVERYWHERE)

    def _witnessed(self, attacker: str, claimed: str, made: Iterable[Forgery]) -> Iterator[Presented]:
        material = self._whole if attacker == claimed == self.tenants[0] else self.material(attacker, claimed)
        for each in made:
            seen = witness_of(each.token, material.base, material.known, self.settings.algorithms)
            if seen.is_forgery:
                about = catalogue.CLASSES[each.klass]
                notes = (
                    f"violates {about.violates}",
                    f"witness: {'; '.join(seen.differs)}; two verifiers refuse it",
                    "power: a verifier with this gap was caught"
                    if each.klass in measured().gaps
                    else "power: not proven",
                )
                yield Presented(attacker, claimed, claimed, each.vector, each.token, notes=notes)

    def _two_kinds(self, attacker: str, claimed: str) -> dict[str, str]:
        material = self.material(attacker, claimed)
        made = {each.klass: each.token for each in catalogue.one_of_each(material)}
        return {"alg none": made["J001"], "a key of its own": made["J024"]}


def _twins(material: Material) -> Iterator[Forgery]:
    """Forgeries that share with the genuine token what a careless cache looks a token up by."""
    header, payload, signature = material.base.segments
    changed = material.kept_under(material.header, material.claims(scope="admin", forged=True)).split(".")[1]
    yield Forgery("J185", "the same head and the same payload", f"{header}.{payload}.{'A' * len(signature)}")
    yield Forgery("J185", "the same head and the same signature", f"{header}.{changed}.{signature}")
    half = len(signature) // 2
    yield Forgery("J185", "the same beginning", f"{header}.{payload}.{signature[:half]}{'A' * (len(signature) - half)}")
    yield Forgery(
        "J185", "the same jti and sub", material.kept_under(material.head(kid="other"), material.claims(forged=True))
    )


def _told_apart(material: Material) -> tuple[Claims, ...]:
    """The published keys, and the computed ones under a name that says so."""
    return (*material.keys, *({**key, "kid": "the key of two tokens"} for key in material.recovered))


def _noted(seen: Observation, notes: tuple[str, ...]) -> Observation:
    """The observation with more notes."""
    return msgspec.structs.replace(seen, notes=(*seen.notes, *notes))

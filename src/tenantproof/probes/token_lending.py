"""Shows what is made with keys that an issuer lends: tokens that must do, and those that only its holder can forge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

from tenantproof.clients.exchange import Answer
from tenantproof.clients.sweep_wire import Volley
from tenantproof.clients.tokens import parse
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import PERMITTED, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.probes.forging import catalogue
from tenantproof.probes.forging.families import Forgery
from tenantproof.probes.forging.issued import Lent, boundaries, issued
from tenantproof.probes.forging.lent_hmac import SharedKeys, read_hmac, short_keyed
from tenantproof.probes.forging.lent_keys import good_by_rsa, likened, read_lent, signature_forgeries
from tenantproof.probes.forging.reuse import CLASS, Reuse, reuses, single
from tenantproof.probes.token_showing import Presented, Shown, TokenProbe

_ROUNDS = 3
"""How many tokens for one use are shown several times at once."""


class TokenLending(TokenProbe):
    """Tokens by lent keys; none where the profile lends none."""

    @cached_property
    def issued(self) -> tuple[Presented, ...]:
        """Tokens well signed with a key that an issuer lends, and saying what none may; none without such a key."""
        return self._as_lent(issued)

    @cached_property
    def by_lent_keys(self) -> tuple[Presented, ...]:
        """Signatures that are almost right, right ones by keys that must not make any, and what is made of RSA tokens.

        A key must not that is there for something else, or is shorter than its hash.
        """
        shared = self._shared_keys
        short = _presented(shared.tenant, short_keyed(shared)) if shared else ()
        return (*self._as_lent(signature_forgeries), *self._as_lent(likened), *short)

    def lent_key(self) -> Iterator[Observation]:
        """A good token by each lent key, which must do; none without a key.

        What is made with the keys says until when it is valid as these do, so it is tried between two looks at them.
        """
        for at, algorithm, token, notes in self._good_ones():
            what = f"{at} reads its own record with a token by the lent key, {algorithm}"
            yield self.put(at, token, at).sight(what, notes=notes)

    def leeway(self) -> Iterator[Observation]:
        """A good token by the lent key again; notes say how far from now its times may be. None without a key."""
        if (lent := self._lent_key) is None:
            return
        at = lent.tenant
        edges = {
            name: self.put(at, lent.edited(claims=claims), at).outcome
            for name, claims in boundaries(time.time()).items()
        }
        notes = tuple(f"leeway: {name}: {outcome.value}" for name, outcome in edges.items())
        yield self.put(at, lent.good(), at).sight(
            f"{at} reads its own record with a token by the lent key", notes=notes
        )

    @property
    def reuses(self) -> int:
        """How many times a token that is for one use is tried again; 0 where none is."""
        return len(self._reuses) + self._rounds

    def used_twice(self) -> Iterator[tuple[Observation, Observation]]:
        """A token that is for one use, used; and then what must not do any more: it again, or another with its id.

        What was not taken the first time is not shown again, for it may still be good.
        """
        for each in self._reuses:
            presented = self._of_once(each.forgery)
            at = presented.at
            first = self.put(at, each.first, at)
            yield first.sight(f"{at} uses a token that is for one use"), self._again(presented, each, first)

    def used_at_once(self) -> Iterator[Observation]:
        """A token that is for one use, shown on several connections at once: permitted, if more than one got through.

        None where the profile allows one connection alone.
        """
        for turn in range(1, self._rounds + 1):
            assert self._lent_key
            yield self._at_once(self._of_once(Forgery(CLASS, f"at once, round {turn}", single(self._lent_key))))

    def _again(self, presented: Presented, each: Reuse, first: Shown) -> Observation:
        if first.outcome is not PERMITTED:
            notes = ("its first use did not do, so it was not shown again",)
            unshown = Shown(UNCLEAR, first.request, first.answer, ())
            return unshown.sight(f"{presented.at} uses a token again: {each.name}", unit=presented.unit, notes=notes)
        if each.elsewhere:
            (seen,) = self.show_each((presented,))
            return seen
        return self.show(presented)

    def _at_once(self, presented: Presented) -> Observation:
        times, rate = self.target.profile.safety.connections, self.target.profile.safety.requests_per_second
        volleys = [Volley(tag=place, requests=(self._request_of(presented),), fresh=True) for place in range(times)]
        came: list[Shown] = []

        def sink(volley: Volley[int], answers: Sequence[Answer]) -> None:
            came.append(self._shown(presented.at, volley.requests[0], answers[0], ()))

        self.target.sweep_wire.run(volleys, sink)
        outcome, taken = _of_race(came), [each for each in came if each.outcome is PERMITTED]
        # A second one that was taken is what there is to see; else one that was not.
        shown = (taken if len(taken) > 1 else [each for each in came if each not in taken] or came)[-1]
        what = f"{presented.at} shows a token that is for one use {times} times at once"
        told = f"{len(taken)} of {times} were taken"
        paced = (f"{1 / rate:.2g} s from one to the next, as safety.requests_per_second says",) if rate else ()
        notes = (*presented.notes, told, *paced)
        return Shown(outcome, shown.request, shown.answer, shown.notes).sight(what, unit=presented.unit, notes=notes)

    @cached_property
    def _reuses(self) -> tuple[Reuse, ...]:
        return tuple(reuses(self._lent_key)) if self._lent_key else ()

    @property
    def _rounds(self) -> int:
        return _ROUNDS if self._reuses and self.target.profile.safety.connections > 1 else 0

    def _of_once(self, forgery: Forgery) -> Presented:
        assert self._lent_key
        return _presented(self._lent_key.tenant, (forgery,))[0]

    def _good_ones(self) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
        """For each lent key: whose tenant's path its good token is for, its algorithm, the token, and notes."""
        if lent := self._lent_key:
            for algorithm, token in (("ES256", lent.good()), *good_by_rsa(lent, fresh=True)):
                yield lent.tenant, algorithm, token, ()
        if shared := self._shared_keys:
            told = "that the target holds the short key of this issuer too is what tokens.test_hmac says (J035)"
            yield shared.tenant, f"HS{shared.key.width}", shared.good(), (told,)

    @cached_property
    def _lent_key(self) -> Lent | None:
        """The lent keys, None without them."""
        settings = self.settings.test_key
        if settings is None:
            return None
        like, key_set = parse(self.target.bearer(settings.tenant)), self.target.tokens.key_set(settings.issuer)
        return read_lent(settings, like, tuple(key_set), self.settings.audience)

    @cached_property
    def _shared_keys(self) -> SharedKeys | None:
        """The lent shared keys, None without them."""
        settings = self.settings.test_hmac
        return read_hmac(settings, parse(self.target.bearer(settings.tenant))) if settings else None

    def _as_lent(self, make: Callable[[Lent], Iterable[Forgery]]) -> tuple[Presented, ...]:
        """What can be made with the lent keys, in the name of their subject; nothing without them."""
        lent = self._lent_key
        return _presented(lent.tenant, make(lent)) if lent else ()


def _presented(at: str, made: Iterable[Forgery]) -> tuple[Presented, ...]:
    """What is forged with lent keys, to be shown at the path of the tenant that their subject belongs to."""
    return tuple(
        Presented(at, at, at, each.vector, each.token, notes=(f"violates {catalogue.CLASSES[each.klass].violates}",))
        for each in made
    )


def _of_race(came: Sequence[Shown]) -> Outcome:
    """What showing a token several times at once came to.

    Whoever loses a race may be told so in other words than a token that was used: any error will do, if one was taken.
    """
    outcomes = [each.outcome for each in came]
    if outcomes.count(PERMITTED) > 1:
        return PERMITTED
    lost = [each for each in came if each.outcome is not PERMITTED]
    if all(each.outcome is REFUSED for each in lost):
        return REFUSED
    if any(each.outcome is UNCLEAR and each.answer.status < 400 for each in lost):
        return UNCLEAR
    return REFUSED if PERMITTED in outcomes and UNANSWERED not in outcomes else UNANSWERED

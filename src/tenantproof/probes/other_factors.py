"""Second factors of other kinds: codes of an authenticator application and security keys, and what is nearly one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, TypeAlias

from tenantproof.clients.secrets import reveal
from tenantproof.clients.target import Target
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import PERMITTED
from tenantproof.model.profile import Authenticator, Support, Tenant
from tenantproof.probes.authenticators import STEP_SECONDS, Ceremony, code_of, step_now, use_key
from tenantproof.probes.support_case import Case

Misses: TypeAlias = "dict[str, Callable[[], dict[str, str]]]"
"""How it is said, to what makes it."""
_SECONDS = 60
_KINDS = ("totp", "webauthn")


@dataclass(frozen=True)
class Holder:
    """An approver of a tenant, with another kind of second factor; `stranger` is one of the same kind elsewhere."""

    tenant: Tenant
    name: str
    factor: Authenticator
    stranger: Authenticator


class OtherFactors:
    """Approves with codes and security keys at a desk. Where the profile lends none, there are no holders."""

    steps: ClassVar[dict[str, int]] = {}
    counters: ClassVar[dict[str, int]] = {}
    """Where a secret is kept, to the step or the counter that was drawn last."""
    counted: ClassVar[dict[str, int]] = {}
    """The same to the counter that was last shown as it should be."""

    def __init__(self, target: Target, support: Support) -> None:
        self.target, self.support = target, support

    @cached_property
    def holders(self) -> tuple[Holder, ...]:
        """One holder of each kind that two tenants have."""
        found = []
        for kind in _KINDS:
            able = [
                (tenant, name, person.mfa)
                for tenant in self.target.profile.tenants
                for name, person in tenant.principals.items()
                if person.mfa is not None and person.mfa.kind == kind
            ]
            if len(able) > 1:
                found.append(Holder(*able[0], stranger=able[1][2]))
        return tuple(found)

    def case(self, holder: Holder) -> Case:
        """A case for the holder's tenant, that the holder is to approve."""
        return Case(self.target, holder.tenant, min(self.support.principals), _SECONDS, approver=holder.name)

    def approve(self, case: Case, holder: Holder) -> Observation:
        """The holder approves as it should be."""
        if holder.factor.kind == "webauthn":
            challenge, ceremony = case.challenge("approve", holder.tenant), self._ceremony(case, holder)
            self.counted[_place(holder.factor)] = ceremony.counter
            factor = use_key(_secret(holder.factor), holder.factor.credential, challenge, ceremony)
            return case.approve_with(factor, "with a security key")
        seen = self._with_code(case, holder)
        # Somebody may have used this step's codes before us, in another run; a step lasts for half a minute.
        while seen.outcome is not PERMITTED and self._step_of(holder) <= step_now() + 1:
            seen = self._with_code(case, holder)
        if seen.outcome is not PERMITTED:
            time.sleep(STEP_SECONDS - time.time() % STEP_SECONDS + 1)
            seen = self._with_code(case, holder)
        return seen

    def near_misses(self, case: Case, other: Case, holder: Holder) -> Iterator[Observation]:
        """The holder tries to approve with what is nearly a second factor, one fault at a time."""
        misses = self._codes if holder.factor.kind == "totp" else self._keys
        for how, make in misses(case, other, holder).items():
            yield case.approve_with(make(), how)

    # -- codes --------------------------------------------------------------------------------------------------------

    def _with_code(self, case: Case, holder: Holder) -> Observation:
        step = self._step_of(holder)
        self.steps[_place(holder.factor)] = step
        code = code_of(_secret(holder.factor), step)
        return case.approve_with(
            {"challenge": case.challenge("approve", holder.tenant), "code": code}, "with a code of its own"
        )

    def _step_of(self, holder: Holder) -> int:
        """The next step whose code is not used; the one before the current is still good."""
        return max(self.steps.get(_place(holder.factor), 0) + 1, step_now() - 1)

    def _codes(self, case: Case, other: Case, holder: Holder) -> Misses:
        secret, used = _secret(holder.factor), self.steps[_place(holder.factor)]

        def said(code: str, challenged: Case = case) -> dict[str, str]:
            return {"challenge": challenged.challenge("approve", holder.tenant), "code": code}

        return {
            "with a code that was used": lambda: said(code_of(secret, used)),
            "with a code of a minute ago": lambda: said(code_of(secret, step_now() - 2)),
            "with a code of somebody else": lambda: said(code_of(_secret(holder.stranger), step_now())),
            "with a code and another case's challenge": lambda: said(code_of(secret, self._step_of(holder)), other),
            "with a code for a signature": lambda: {
                "challenge": case.challenge("approve", holder.tenant),
                "signature": code_of(secret, self._step_of(holder)),
            },
        }

    # -- security keys ------------------------------------------------------------------------------------------------

    def _ceremony(self, case: Case, holder: Holder) -> Ceremony:
        """What the browser does for an approval of the case, with the next count of the key."""
        place = _place(holder.factor)
        # A run that comes later starts from a later time, so that it counts on from where we were.
        self.counters[place] = max(self.counters.get(place, 0) + 1, int(time.time()))
        return Ceremony(
            step="approve",
            request=case.id,
            digest=case.digest,
            origin=holder.factor.origin,
            relying_party=holder.factor.relying_party,
            counter=self.counters[place],
        )

    def _keys(self, case: Case, other: Case, holder: Holder) -> Misses:
        def nearly(challenged: Case = case, by: Authenticator | None = None, **otherwise: str | int) -> dict[str, str]:
            challenge = challenged.challenge("approve", holder.tenant)
            how = replace(self._ceremony(case, holder), **otherwise)  # type: ignore[arg-type]  # fields by name
            return use_key(_secret(by or holder.factor), holder.factor.credential, challenge, how)

        return {
            "with the page of somebody else": lambda: nearly(origin=f"{holder.factor.origin}.evil.example"),
            "with a key used for somebody else": lambda: nearly(relying_party="evil.example"),
            "with nobody verified": lambda: nearly(flags=0x01),
            "with nobody present": lambda: nearly(flags=0x04),
            "with a count that was used": lambda: nearly(counter=self.counted[_place(holder.factor)]),
            "with somebody else's key": lambda: nearly(by=holder.stranger),
            "with what was signed for another step": lambda: nearly(step="activate"),
            "with what was signed for another case": lambda: nearly(request=other.id),
            "with what was signed for another digest": lambda: nearly(digest=f"sha256:{'0' * 64}"),
            "with another case's challenge": lambda: nearly(other),
            "with a registration": lambda: nearly(kind="webauthn.create"),
        }


def _secret(factor: Authenticator) -> str:
    return reveal(factor.key, "a second factor")


def _place(factor: Authenticator) -> str:
    return factor.key.file or factor.key.env or ""

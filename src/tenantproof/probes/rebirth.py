"""A tenant that was deleted: it must answer nobody (X122), and one made again under its name is another (X123).

What outlives a deletion is found by the name: rows, caches, permissions, and tokens that were given before (J184).
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tenantproof.clients.canaries import found_in, new_canary
from tenantproof.clients.exchange import Answer, Request, new_probe
from tenantproof.clients.target import Target
from tenantproof.model.errors import TargetError, UsageError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.profile import Operation, Principal
from tenantproof.model.tenancy_profile import STEPS, Tenancy
from tenantproof.probes.access_bodies import filled
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import carried_out, sight

_READS = ("read", "list")
_REFUSALS = frozenset({401, 403, 404, 410})
_PAUSE_SECONDS = 0.2


@dataclass
class Life:
    """One life of the tenant: the record that it was given, and the token that its reader got meanwhile."""

    token: str = ""
    record: str = field(default_factory=lambda: f"tp_{secrets.token_hex(10)}")
    canary: str = field(default_factory=new_canary)


class Rebirth(Probe):
    """Makes a tenant, deletes it and makes it again. Without [tenancy] in the profile there is nothing to try."""

    needs: ClassVar[frozenset[str]] = frozenset({"http"})
    uses: ClassVar[frozenset[str]] = frozenset({"tenancy"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.first, self.second = Life(), Life()
        self._after = ""
        self._is_alive = False

    @property
    def is_lent(self) -> bool:
        """Whether there is a tenant that may be made and deleted. Raises UsageError for a table that lacks a step."""
        if "tenancy" not in self.target.capabilities:
            return False
        if missing := [step for step in STEPS if step not in self._ways.operations]:
            raise UsageError(f"tenancy.operations has no {', '.join(missing)}; add method and path to the profile")
        return True

    @property
    def units(self) -> int:
        """How many things are tried, once the tenant was deleted; none without it."""
        return len(self._kept()) * len(_READS) + 1 + len(_READS) + 1 if self.is_lent else 0

    def live(self, life: Life) -> Iterator[Observation]:
        """The tenant is made and given a record, which its reader reads: permitted."""
        if not self.is_lent:
            return
        if life is self.first:
            # A run that was killed may have left it.
            self._send("delete", self._operator())
        self._is_alive = True
        body = filled(self._ways.body, {"tenant": self._name})
        yield carried_out("the operator makes the tenant", *self._send("create", self._operator(), body))
        life.token = self._within(self._fresh, bool)
        yield carried_out("the tenant writes a record", *self._write(life))
        yield self._within(lambda: self._reads(life.token, life, "read"), lambda seen: seen.outcome is PERMITTED)

    def die(self) -> Iterator[Observation]:
        """The operator deletes the tenant: permitted."""
        if not self.is_lent:
            return
        yield carried_out("the operator deletes the tenant", *self._send("delete", self._operator()))
        self._is_alive = False
        self._within(
            lambda: self._reads(self.first.token, self.first, "read"), lambda seen: seen.outcome is not PERMITTED
        )
        self._after = self._fresh()

    def after_death(self) -> Iterator[Observation]:
        """What the deleted tenant's people still reach, by the token they have and by one that they are given now."""
        for name, token in self._kept().items():
            for operation in _READS:
                yield self._reads(token, self.first, operation, f"X122 {name}, after its deletion")

    def of_the_former(self) -> Iterator[Observation]:
        """What the new tenant reaches of the one that had its name, and the other way round: refused."""
        if self.is_lent:
            yield self._reads(self.second.token, self.first, "read", "X123 the former's record")
            for operation in _READS:
                yield self._reads(self.first.token, self.second, operation, "J184 by a token of the former")

    def own_rows(self) -> Iterator[Observation]:
        """Whether a listing of the new tenant has its own record."""
        if self.is_lent:
            yield self._listed(self.second, "its own record")

    def rows_of_the_former(self) -> Iterator[Observation]:
        """Whether the same listing has the record of the tenant that had its name."""
        if self.is_lent:
            yield self._listed(
                self.first, "the former's", Unit(self._name, self._name, "list", "X123 the former's row")
            )

    def close(self) -> None:
        """Leave nothing behind."""
        if self._is_alive:
            # Whoever gives no token any more lets nothing be deleted either; the next run deletes it first.
            with contextlib.suppress(TargetError):
                self._send("delete", self._operator())

    # How it is asked

    @property
    def _ways(self) -> Tenancy:
        assert self.target.profile.tenancy
        return self.target.profile.tenancy

    @property
    def _name(self) -> str:
        return self._ways.tenant.id

    def _kept(self) -> dict[str, str]:
        """The tokens that the deleted tenant's people hold, by what they are."""
        found = {"the token it had": self.first.token, "a token given since": self._after}
        return {name: token for name, token in found.items() if token}

    def _fresh(self) -> str:
        """A token of the tenant's reader made now; empty when none is given, as there should be none for the dead."""
        try:
            return self.target.tokens.fetch(self._principal("reader"), name=f"tenant {self._name}, reader")
        except TargetError:
            return ""

    def _principal(self, name: str) -> Principal:
        return self.target.principal(self._name, name)

    def _operator(self) -> str:
        return self.target.tokens.bearer(self._ways.operator, "tenancy.operator")

    def _write(self, life: Life) -> tuple[Request, Answer]:
        body = {**self._ways.template, "id": life.record, self._ways.text: life.canary}
        token = life.token
        if self._ways.writer != "reader":
            token = self.target.tokens.fetch(self._principal(self._ways.writer), name=self._ways.writer)
        return self._send("write", token, body)

    def _send(self, step: str, bearer: str, body: dict[str, Any] | None = None) -> tuple[Request, Answer]:
        return self._ask(self._ways.operations[step], bearer, "tenancy", body=json.dumps(body) if body else "")

    def _ask(
        self, operation: Operation, bearer: str, principal: str, *, record: str = "", body: str = ""
    ) -> tuple[Request, Answer]:
        request = self.target.request(
            operation,
            tenant=self._name,
            record=record,
            bearer=bearer,
            headers=(("Content-Type", "application/json"),) if body else (),
            body=body.encode(),
            principal=f"{self._name}/{principal}",
            probe=new_probe(),
        )
        return request, self.target.wire.send(request)

    def _within(self, look: Callable[[], Any], is_so: Callable[[Any], bool]) -> Any:  # noqa: ANN401  # what look gives
        """What a look comes to, as soon as it is as wanted or the profile's time is over."""
        deadline = time.monotonic() + self._ways.seconds
        while not is_so(seen := look()) and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
        return seen

    # What it comes to

    def _reads(self, token: str, life: Life, operation: str, vector: str = "") -> Observation:
        """A record or the listing, asked for by a token: permitted is any answer but a refusal without the canary."""
        request, answer = self._ask(self.target.operation(operation), token, "reader", record=life.record)
        unit = Unit(self._name, self._name, operation, vector) if vector else None
        return sight(f"{operation}: {vector or 'its own record'}", request, answer, _came_to(answer, life), unit=unit)

    def _listed(self, life: Life, what: str, unit: Unit | None = None) -> Observation:
        request, answer = self._ask(self.target.operation("list"), self.second.token, "reader")
        outcome: Outcome = UNCLEAR if answer.is_whole else UNANSWERED
        if answer.status == 200:
            outcome = PRESENT if found_in(answer, (life.canary, life.record)) else ABSENT
        said = f"the tenant that was made again looks in its listing for {what}"
        return sight(said, request, answer, outcome, unit=unit)


def _came_to(answer: Answer, life: Life) -> Outcome:
    if found_in(answer, (life.canary,)):
        return PERMITTED
    if not answer.is_whole:
        return UNANSWERED
    if 200 <= answer.status < 300:
        return PERMITTED
    return REFUSED if answer.status in _REFUSALS else UNCLEAR

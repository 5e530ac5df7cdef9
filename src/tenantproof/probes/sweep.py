"""The sweep: every vector of the catalogue at every operation of the contract, tenant against tenant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import ClassVar, Literal
from urllib.parse import urlsplit

import msgspec

from tenantproof.clients.exchange import Answer
from tenantproof.clients.sweep_wire import Volley
from tenantproof.clients.target import Target
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import ABSENT, PRESENT
from tenantproof.probes.contract import Endpoint
from tenantproof.probes.ground import Ground, differing
from tenantproof.probes.population import Plan, Population, shapes_of
from tenantproof.probes.probe import Probe
from tenantproof.probes.reading import Attempt, Sent, Trial, read_trial
from tenantproof.probes.spool import Spool
from tenantproof.probes.trail_events import trail_size
from tenantproof.probes.vectors import VECTORS
from tenantproof.probes.vectors.case import Case
from tenantproof.probes.vectors.coverage import EXHIBIT, coverage
from tenantproof.probes.vectors.vector import Reach

_CHUNK = 4096
_BLOCK = 512
_KEEPERS = 3
"""Owners that are asked after each block whether they are still served; all of them where there are no more."""
_SERVICE = Endpoint("(service)", "GET", "/")


class Seen(msgspec.Struct, frozen=True):
    """One thing that the sweep saw: an owner at its own, an attempt as a refusal and as a leak, a state compared."""

    role: Literal["calibration", "refusal", "leak", "state"]
    observation: Observation
    sent: tuple[Sent, ...] = ()


class Sweep(Probe):
    """Sends the plan once, block by block; every check that looks at it sees the same answers."""

    needs: ClassVar[frozenset[str]] = frozenset({"http"})
    is_divided: ClassVar[bool] = True

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._spool: Spool[Seen] | None = None
        self.trails: dict[str, int] = {}
        """How long every tenant's trail was when the sweep began, as far as trails say."""

    @property
    def is_done(self) -> bool:
        """Whether the whole plan has been tried."""
        return self._spool is not None and self._spool.is_complete

    @cached_property
    def ground(self) -> Ground:
        """What there is to reach for."""
        return Ground(self.target)

    @cached_property
    def plan(self) -> Plan:
        """What is tried."""
        shapes = shapes_of((*self.ground.endpoints, _SERVICE), VECTORS)
        paths = [self.target.operation(name).path for name in ("list", "read")]
        reads = {each.template: each.name for each in self.ground.endpoints if each.method == "GET"}
        telling = [reads[path] for path in paths if path in reads]
        return Plan(Population(len(self.ground.tenants), shapes), self.target.sweep, telling)

    def seen(self) -> Iterator[Seen]:
        """Everything that the sweep sees, as it goes; from the second time on, as it went."""
        if self._spool is not None and self._spool.is_complete:
            yield from self._spool
            return
        self.trails = {tenant: trail_size(self.target, tenant) for tenant in self.ground.tenants}
        spool = self._spool = Spool(Seen)
        for each in self._swept():
            spool.add(each)
            yield each
        spool.is_complete = True

    def sent(self) -> Iterator[Sent]:
        """Every request of the sweep."""
        for each in self.seen():
            yield from each.sent

    def _swept(self) -> Iterator[Seen]:
        shapes = self.plan.population.shapes
        self.target.exhibits[EXHIBIT] = coverage(
            ((each.endpoint, each.vector) for each in shapes), self.target.capabilities
        )
        yield from self._owners_are_let_in()
        numbers = self.plan.numbers()
        while chunk := list(islice(numbers, _CHUNK)):
            for block in _blocks([self._attempt(number) for number in chunk]):
                yield from self._block(block)
        yield from self._owners_are_let_in()

    def _owners_are_let_in(self) -> Iterator[Seen]:
        """Every operation lets an owner in; owners take turns where there are many."""
        tenants = self.ground.tenants
        asked = [(each, tenants[place % len(tenants)]) for place, each in enumerate(self.ground.endpoints)]
        for observation in self.ground.lets_in(asked):
            yield Seen("calibration", observation)
        yield from self._owners_are_served(tenants[:_KEEPERS])

    def _owners_are_served(self, tenants: Sequence[str]) -> Iterator[Seen]:
        readable = [each for each in self.ground.endpoints if each.method == "GET"][:1]
        for observation in self.ground.lets_in([(each, tenant) for each in readable for tenant in tenants]):
            yield Seen("calibration", observation)

    def _attempt(self, number: int) -> Attempt:
        attacker, victim, shape = self.plan.population.unit(number)
        names = self.ground.tenants
        case = Case(
            attacker=self.ground.party(names[attacker]),
            victim=self.ground.party(names[victim]),
            endpoint=shape.endpoint,
            authority=self._authority,
            seed=number,
            samples=self.ground.samples,
            queries=self.ground.queries,
            records=self.ground.records,
        )
        built = shape.vector.build(case, shape.vector.form)
        drafts = built if isinstance(built, list) else [built]
        requests = tuple(self.ground.request(draft, shape.endpoint) for draft in drafts)
        return Attempt(case, shape.vector, drafts, requests)

    @cached_property
    def _authority(self) -> str:
        return urlsplit(self.target.profile.target.base_url).netloc

    def _block(self, block: Sequence[Attempt]) -> Iterator[Seen]:
        """Send a block, and see to it that nobody's state was changed by another, and that owners are still served."""
        concerned = sorted({unit for each in block for unit in (each.case.attacker.id, each.case.victim.id)})
        writes = any(request.method not in {"GET", "HEAD", "OPTIONS"} for each in block for request in each.requests)
        before = self.ground.states(concerned) if writes else {}
        wrote: set[str] = set()
        for trial in self._sent_together(block):
            if trial.wrote and trial.leak.unit:
                wrote.add(trial.leak.unit.attacker)
            yield Seen("leak", trial.leak, trial.sent)
            if trial.access:
                yield Seen("refusal", trial.access)
        # Whoever was let change its own is not compared, and what others did to it comes to light in another block.
        for tenant, after in self.ground.states([each for each in before if each not in wrote]).items():
            yield Seen("state", _change(tenant, before[tenant], after, len(block)))
        yield from self._owners_are_served(concerned[:_KEEPERS])

    def _sent_together(self, block: Sequence[Attempt]) -> list[Trial]:
        trials: list[Trial] = []

        def sink(volley: Volley[Attempt], answers: Sequence[Answer]) -> None:
            trials.append(read_trial(self.ground, volley.tag, answers))

        self.target.wire.close()
        volleys = (
            Volley(
                tag=each,
                requests=each.requests,
                pipelined=each.vector.pipelined,
                fresh=each.vector.fresh,
                hold=each.vector.hold,
                server_name=each.drafts[-1].server_name,
            )
            for each in block
        )
        self.target.sweep_wire.run(volleys, sink)
        return trials


def _change(tenant: str, before: Mapping[str, str], after: Mapping[str, str], tried: int) -> Observation:
    """Present, if what the tenant can read of its own is not what it was."""
    changed = differing(before, after)
    notes = (f"changed: {', '.join(changed)}",) if changed else (f"{len(after)} operations tell the same",)
    return Observation(
        probe="",
        what=f"{tenant} compares its state before and after {tried} requests of others",
        outcome=PRESENT if changed else ABSENT,
        notes=notes,
    )


def _blocks(attempts: Sequence[Attempt]) -> Iterator[Sequence[Attempt]]:
    """Those that ask others' paths together; those that may change the attacker's own state attacker by attacker."""
    groups: dict[str, list[Attempt]] = {}
    for each in attempts:
        is_own_write = each.vector.reach is Reach.OWN and any(
            request.method not in {"GET", "HEAD", "OPTIONS"} for request in each.requests
        )
        # The empty name sorts first: others' states are compared before anybody has changed its own.
        groups.setdefault(each.case.attacker.id if is_own_write else "", []).append(each)
    for name in sorted(groups):
        for start in range(0, len(groups[name]), _BLOCK):
            yield groups[name][start : start + _BLOCK]

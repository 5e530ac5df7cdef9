"""Acts on an aggregation pipeline: consents, contributes, revokes, runs it, and audits what it releases and stores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import msgspec

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.redaction import one_line
from tenantproof.model.aggregation_profile import Aggregation as Told
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import (
    ABSENT,
    ALIKE,
    DIFFERENT,
    PERMITTED,
    PRESENT,
    REFUSED,
    UNANSWERED,
    UNCLEAR,
    Outcome,
)
from tenantproof.model.profile import Operation
from tenantproof.probes.aggregation_stores import Stores
from tenantproof.probes.cohorts import Cell, Member, count
from tenantproof.probes.listing import walk
from tenantproof.probes.probe import Probe
from tenantproof.probes.release_audit import Edition, ReleaseAudit, planted
from tenantproof.probes.sighting import json_object, new_probe, sight

_MOST_NOTES = 4
Body: TypeAlias = "Mapping[str, object] | None"


@dataclass(frozen=True)
class Run:
    """One run of a pipeline: how it ended, and what can be read of it but its number and date."""

    seen: Observation
    body: str
    """The cells and risks, canonical; or the reason for no release."""
    edition: Edition | None = None
    document: Mapping[str, Any] = field(default_factory=dict)  # JSON, the target's


class Aggregation(Probe):
    """The pipelines of all jurisdictions that the profile lends an auditor for."""

    needs: ClassVar[frozenset[str]] = frozenset({"aggregation"})

    @cached_property
    def tenants(self) -> list[str]:
        """Tenants whose consent the harness may change: disposable ones, whose jurisdiction has a store."""
        found = [t for t in self.target.profile.tenants if t.disposable and t.jurisdiction in self._told.stores]
        return [tenant.id for tenant in found]

    @cached_property
    def jurisdictions(self) -> list[str]:
        """All jurisdictions."""
        return list(self._told.stores)

    @cached_property
    def stores(self) -> Stores:
        """The aggregation stores, seen through lent logins."""
        return Stores(self.target, self._told)

    def home(self, tenant: str) -> str:
        """The jurisdiction of a tenant."""
        return self.target.tenant(tenant).jurisdiction

    def abroad(self, tenant: str) -> list[str]:
        """The jurisdictions that are not the tenant's."""
        return [name for name in self.jurisdictions if name != self.home(tenant)]

    def consent(self, tenant: str) -> Observation:
        """Present, if the target says that the tenant's consent stands."""
        request, answer = self._tenant("state", tenant, query=f"purpose={self._told.purpose}")
        given = json_object(answer.body).get("given")
        outcome = _read(answer, {True: PRESENT, False: ABSENT}.get(given) if isinstance(given, bool) else None)
        return sight(f"{tenant} asks whether its consent stands", request, answer, outcome)

    def give(self, tenant: str) -> Observation:
        """The tenant consents to the profile's purpose and scope."""
        body = {"purpose": self._told.purpose, "scope": list(self._told.scope)}
        request, answer = self._tenant("give", tenant, body=body)
        given = json_object(answer.body).get("given") is True
        return sight(f"{tenant} consents", request, answer, _read(answer, PERMITTED if given else None))

    def revoke(self, tenant: str) -> Observation:
        """The tenant takes its consent back."""
        request, answer = self._tenant("revoke", tenant, query=f"purpose={self._told.purpose}")
        gone = json_object(answer.body).get("given") is False
        return sight(f"{tenant} revokes its consent", request, answer, _read(answer, PERMITTED if gone else None))

    def contribute(self, tenant: str) -> Observation:
        """The tenant's data are pushed out; refused, if the target says that there is no consent."""
        request, answer = self._tenant("contribute", tenant, body={"purpose": self._told.purpose})
        return sight(f"{tenant} contributes", request, answer, self._acted(answer, "consent"))

    def contribute_uninvited(self, tenant: str) -> Observation:
        """The same without consent; if it goes through, it is taken back, so that nothing else is decided on it."""
        seen = self.contribute(tenant)
        if seen.outcome is PERMITTED:
            self.revoke(tenant)
        return seen

    def run(self, jurisdiction: str, **thresholds: float) -> Run:
        """Run a pipeline, with lowered thresholds where some are named, and read what it released."""
        body = {"thresholds": thresholds} if thresholds else {}
        request, answer = self._operator("run", jurisdiction, body=body)
        outcome = self._acted(answer, "release")
        what = f"the pipeline of {jurisdiction} runs" + (f" with {thresholds}" if thresholds else "")
        if outcome is not PERMITTED:
            return Run(sight(what, request, answer, outcome), body=str(json_object(answer.body).get("message")))
        number = json_object(answer.body).get("number")
        request, answer = self._operator("release", jurisdiction, record=str(number))
        document = json_object(answer.body).get("release")
        if answer.status != 200 or not isinstance(document, dict):
            return Run(sight(what, request, answer, _read(answer, None)), body="")
        return Run(
            sight(what, request, answer, PERMITTED, notes=[f"release {number}"]),
            _canonical({name: document.get(name) for name in ("cells", "risk")}),
            self._edition(jurisdiction, document),
            document,
        )

    def run_all(self) -> dict[str, Run]:
        """Run every pipeline."""
        return {jurisdiction: self.run(jurisdiction) for jurisdiction in self.jurisdictions}

    def stored(self) -> dict[str, list[Member] | None]:
        """Who counts in each jurisdiction, after a run has cleared away what was revoked; None where unreadable."""
        self.run_all()
        return {name: self.stores.members(name) for name in self.jurisdictions}

    def compare(
        self, before: Mapping[str, Run], after: Mapping[str, Run], *, why: str, among: Iterable[str]
    ) -> Observation:
        """Alike, if the named jurisdictions' releases are the same to the byte, but for number and date."""
        names = list(among)
        changed = [name for name in names if before[name].body != after[name].body]
        seen = [each.seen for name in names for each in (before[name], after[name])]
        bad = next((one for one in seen if one.outcome not in {PERMITTED, REFUSED}), None)
        outcome = bad.outcome if bad else DIFFERENT if changed else ALIKE
        said = f"changed: {', '.join(changed)}" if changed else f"{', '.join(names)}: not a byte"
        return Observation(probe=new_probe(), what=why, outcome=outcome, notes=(said,), at=seen[-1].at if seen else 0.0)

    def foreign_release(self, tenant: str, jurisdiction: str) -> Observation:
        """A tenant asks for the releases of a jurisdiction that is not its own."""
        operation = self._operation("releases", jurisdiction)
        request, answer = self._send(operation, bearer=self.target.bearer(tenant), principal=f"{tenant}/reader")
        unit = Unit(tenant, jurisdiction, "releases", "path")
        what = f"{tenant} asks for releases of {jurisdiction}"
        return sight(what, request, answer, self._acted(answer, "absent"), unit=unit)

    def persons(self, tenant: str, arrived: int) -> Observation:
        """Alike, if as many persons arrived in the stores as the tenant's records name subjects."""
        listing = walk(self.target, tenant, f"{tenant}/reader")
        items = [one for answer in listing.answers for one in json_object(answer.body).get("items", [])]
        subjects = {one.get(self._told.subject) for one in items if isinstance(one, dict)}
        outcome = UNANSWERED if not listing.is_whole else ALIKE if len(subjects) == arrived else DIFFERENT
        note = f"{len(items)} records of {len(subjects)} subjects, {arrived} persons arrived"
        what = f"{tenant}'s contributions count subjects"
        return sight(what, listing.request, listing.last, outcome, notes=[note])

    def identifiers(self, tenant: str) -> list[str]:
        """Everything known that names the tenant or a person of it: the profile's, and what its records say."""
        told = self.target.tenant(tenant)
        found = [told.id, told.name, told.account, told.key_arn]
        for record in told.records:
            found += [record.id, record.canary]
        for answer in walk(self.target, tenant, f"{tenant}/reader").answers:
            for one in json_object(answer.body).get("items", []):
                if isinstance(one, dict):
                    found += [str(one[name]) for name in self._told.identifying if one.get(name)]
        return [each for each in dict.fromkeys(found) if len(each) > 2]  # shorter ones stand in everything

    @cached_property
    def audit(self) -> ReleaseAudit:
        """The auditor of releases, with the profile's k."""
        return ReleaseAudit(self._told.k)

    def small(self, run: Run) -> Observation:
        """Present, if a published cell holds a small group, for anybody or for one of the contributors."""
        edition = run.edition
        found = [*self.audit.small_cells(edition), *self.audit.insiders(edition)] if edition else []
        return self._found("a cohort under k in the release", run, found)

    def differing(self, run: Run) -> Observation:
        """Present, if sums and differences of published cells give a small group."""
        edition = run.edition
        return self._found(
            "a small group by sums and differences within the release",
            run,
            self.audit.differences(edition) if edition else [],
        )

    def moving(self, runs: Iterable[Run]) -> Observation:
        """Present, if the last of these releases and the ones before give a small group that came or left."""
        known = list(runs)
        editions = [edition for run in known if (edition := run.edition)]
        return self._found("a small group by releases before", known[-1], self.audit.across(editions))

    def planted(self) -> list[Observation]:
        """The audit itself, on releases with every kind of leak: each of its tests must find it."""
        before, after = planted(self._told.k)
        tests = {
            "a cohort under k": self.audit.small_cells(before),
            "a small group by sums and differences": self.audit.differences(after),
            "a small group by releases before": self.audit.across([before, after]),
        }
        return [_sighted(f"the audit finds {leak} where it was planted", found) for leak, found in tests.items()]

    def recounted(self, run: Run) -> Observation:
        """Alike, if the auditor's own count of every published cell is the published one."""
        edition = run.edition
        wrong = [
            f"{'/'.join(cell)}: published {edition.counts[cell]}, counted {len(group)}"
            for cell, group in (edition.groups().items() if edition else ())
            if edition and edition.counts[cell] != len(group)
        ]
        outcome = UNCLEAR if edition is None or not edition.counts else DIFFERENT if wrong else ALIKE
        return self._told_of("the auditor's count is the published one", run, outcome, wrong)

    def rolled_up(self, run: Run) -> Observation:
        """Present, if what is withheld still counts in a published cell above it."""
        edition = run.edition
        cells = self.audit.rolled_up(edition) if edition else []
        return self._told_of(
            "withheld cells roll up into published ones", run, PRESENT if cells else ABSENT, [f"{len(cells)} cells"]
        )

    def documented(self, run: Run) -> Observation:
        """Present, if the release states its risks, which can be recomputed, its thresholds and their source."""
        risk = run.document.get("risk")
        said: Mapping[str, Any] = risk if isinstance(risk, dict) else {}  # JSON, the target's
        counts = list(run.edition.counts.values()) if run.edition else []
        if not counts:
            return self._told_of("the release documents its risk", run, UNCLEAR, ["no cells"])
        measured = {"prosecutor": 1 / min(counts), "marketer": len(counts) / sum(counts)}
        limits = said.get("thresholds") if isinstance(said.get("thresholds"), dict) else {}
        missing = [
            *(f"{name} is not {value:.4f}" for name, value in measured.items() if not _near(said.get(name), value)),
            *(f"no threshold for {name}" for name in self._told.risks if name not in (limits or {})),
            *([] if (limits or {}).get("source") else ["no source of the thresholds"]),
        ]
        return self._told_of("the release documents its risk", run, ABSENT if missing else PRESENT, missing)

    @property
    def risks(self) -> tuple[str, ...]:
        """The risks that the acceptance test measures."""
        return self._told.risks

    def newest(self, jurisdiction: str) -> tuple[Request, Answer]:
        """The list of the releases."""
        return self._operator("releases", jurisdiction)

    def unchanged(self, jurisdiction: str, before: Answer) -> Observation:
        """Alike, if the list of releases is what it was."""
        request, answer = self.newest(jurisdiction)
        outcome = ALIKE if answer.status == before.status == 200 and answer.body == before.body else DIFFERENT
        what = f"no release of {jurisdiction} was added"
        return sight(what, request, answer, outcome if answer.is_whole else UNANSWERED)

    @cached_property
    def _told(self) -> Told:
        # By name, because a profile need not have the table.
        told: Told | None = getattr(self.target.profile, "aggregation", None)
        if told is None:
            raise UsageError("the profile has no [aggregation]; add it, or leave out the claims that need it")
        return told

    def _edition(self, jurisdiction: str, document: Mapping[str, Any]) -> Edition | None:  # JSON, the target's
        """The release beside the auditor's own count; None when either can't be read."""
        members = self.stores.members(jurisdiction)
        hierarchies, cells = document.get("hierarchies"), document.get("cells")
        if members is None or not isinstance(hierarchies, dict) or not isinstance(cells, list):
            return None
        try:
            counts: dict[Cell, int] = {tuple(one[name] for name in hierarchies): int(one["count"]) for one in cells}
            return Edition(counts, count(members, hierarchies))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    def _found(self, what: str, run: Run, found: Iterable[str]) -> Observation:
        """Present with certificates, absent without; unclear when there was no release that could be counted."""
        certificates = list(found)
        outcome = UNCLEAR if run.edition is None else PRESENT if certificates else ABSENT
        return self._told_of(what, run, outcome, certificates)

    def _told_of(self, what: str, run: Run, outcome: Outcome, notes: Iterable[str]) -> Observation:
        said = (*run.seen.notes, *list(notes)[:_MOST_NOTES])
        return msgspec.structs.replace(run.seen, what=what, outcome=outcome, notes=tuple(map(one_line, said)))

    def _acted(self, answer: Answer, refusal: str) -> Outcome:
        """Permitted, refused in the words of the contract, or neither."""
        named = self._told.refusals[refusal]
        code = json_object(answer.body).get(self.target.profile.http.code_field)
        if answer.is_whole and answer.status == named.status and code == named.code:
            return REFUSED
        return _read(answer, PERMITTED if 200 <= answer.status < 300 and json_object(answer.body) else None)

    def _tenant(self, name: str, tenant: str, *, query: str = "", body: Body = None) -> tuple[Request, Answer]:
        principal = self._told.principal
        bearer = self.target.bearer(tenant, principal)
        operation = self._told.operations[name]
        return self._send(
            operation, tenant=tenant, query=query, body=body, bearer=bearer, principal=f"{tenant}/{principal}"
        )

    def _operator(self, name: str, jurisdiction: str, *, record: str = "", body: Body = None) -> tuple[Request, Answer]:
        bearer = self.target.tokens.bearer(self._told.operator, "aggregation.operator")
        operation = self._operation(name, jurisdiction)
        return self._send(operation, record=record, body=body, bearer=bearer, principal="operator")

    def _operation(self, name: str, jurisdiction: str) -> Operation:
        operation = self._told.operations[name]
        return Operation(method=operation.method, path=operation.path.replace("{jurisdiction}", jurisdiction))

    def _send(
        self,
        operation: Operation,
        *,
        bearer: str,
        principal: str,
        tenant: str = "",
        record: str = "",
        query: str = "",
        body: Body = None,
    ) -> tuple[Request, Answer]:
        request = self.target.request(
            operation,
            tenant=tenant,
            record=record,
            query=query,
            bearer=bearer,
            headers=(("Content-Type", "application/json"),) if body is not None else (),
            body=b"" if body is None else json.dumps(body).encode(),
            principal=principal,
            probe=new_probe(),
        )
        return request, self.target.wire.send(request)


class AggregationTrail(Aggregation):
    """The same, read back in the tenants' audit trails."""

    needs: ClassVar[frozenset[str]] = frozenset({"aggregation", "trail"})

    def recorded(self, tenant: str, change: Observation) -> Observation:
        """Present, if the tenant's trail holds an event of the change besides that of the request itself."""
        request = self.target.request(
            self.target.operation("trail"),
            tenant=tenant,
            query=f"trace_id={change.probe}&limit=100",
            bearer=self.target.bearer(tenant),
            principal=f"{tenant}/reader",
            probe=new_probe(),
        )
        answer = self.target.wire.send(request)
        events = json_object(answer.body).get("events")
        about = [one for one in events if "consent" in _kind(one)] if isinstance(events, list) else []
        outcome = _read(answer, None if not isinstance(events, list) else PRESENT if about else ABSENT)
        return sight(f"{tenant} finds in its trail: {change.what}", request, answer, outcome)

    def never_recorded(self, tenant: str) -> Observation:
        """The same for a change that never was."""
        return self.recorded(tenant, Observation(probe=new_probe(), what="what never was", outcome=UNCLEAR))


def _sighted(what: str, found: Iterable[str]) -> Observation:
    notes = tuple(found)[:_MOST_NOTES]
    return Observation(probe=new_probe(), what=what, outcome=PRESENT if notes else ABSENT, notes=notes)


def _read(answer: Answer, outcome: Outcome | None) -> Outcome:
    """The outcome of a whole answer that was 2xx and could be read; otherwise what it was instead."""
    if not answer.is_whole:
        return UNANSWERED
    return outcome if outcome is not None and 200 <= answer.status < 300 else UNCLEAR


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _near(said: object, value: float) -> bool:
    return isinstance(said, int | float) and abs(said - value) < 1e-6


def _kind(entry: object) -> str:
    """What an event of the trail says of itself, whether or not it stands in an envelope with its place."""
    event = entry.get("event", entry) if isinstance(entry, dict) else {}
    kind = event.get("kind") or event.get("type") if isinstance(event, dict) else ""
    return str(kind)

"""Run records to draw, sign and spoil: an ordinary one, and one whose every text is the work of an enemy."""

from __future__ import annotations

from msgspec.structs import replace

from tenantproof.model.claims import Claim, State
from tenantproof.model.grid import Cell, Grid
from tenantproof.model.observation import Entry, Observation, Role
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, Outcome
from tenantproof.model.run import (
    Attribution,
    Change,
    ClaimResult,
    Comparison,
    Criterion,
    Fidelity,
    Framework,
    Gate,
    PastRun,
    Residue,
    RunRecord,
    Step,
    WaiverNote,
)
from tenantproof.model.verdict import Finding, Reason, Verdict
from tenantproof.outputs.report import report_html

RUN_ID = "20250301T020000Z-a1b2c3"
IMAGE = "<img src=x onerror=\"window.ran=1;alert('ran')\">"
ENEMY = (
    IMAGE
    + "</style></script><script>window.ran=1</script>'\" onmouseover=window.ran=1 {{ 7*7 }} {% raw %}"
    + "]]>\x00\x1b[31mred\x1b]8;;http://evil.example/\x07\u202egnp.exe\u200b\ud800\x85"
)


def entry(
    seq: int,
    *,
    role: Role = Role.TRIAL,
    expected: Outcome = REFUSED,
    seen: Outcome = REFUSED,
    what: str = "globex reads a record of acme by id",
    claim: str = "QA-1",
) -> Entry:
    """An entry of the journal about one request."""
    observation = Observation(
        probe=f"{seq:032x}",
        what=what,
        outcome=seen,
        principal="globex/reader",
        request="GET /v1/tenants/acme/attributions/9b74ddc2",
        request_digest="sha256:" + "11" * 32,
        response="200 with the canary" if seen is PERMITTED else "403 TENANT_MISMATCH",
        response_digest="sha256:" + "22" * 32,
        at=1740794400.0 + seq,
        seconds=0.004,
        notes=("the body is the documented one",),
        replay="GET /v1/tenants/acme/attributions/9b74ddc2 HTTP/1.1\nAuthorization: sha256:" + "33" * 32,
    )
    return Entry(seq=seq, check="check_a", claim=claim, role=role, expected=expected, observation=observation)


def finding(claim: str, verdict: Verdict, reason: Reason, because: str = "", **numbers: object) -> Finding:
    """A finding of one check of a claim."""
    check = "" if reason is Reason.NO_CHECK else f"cross_tenant.py::check_{claim.lower().replace('-', '_')}"
    return Finding(claim=claim, check=check, verdict=verdict, reason=reason, because=because, **numbers)  # type: ignore[arg-type]  # numbers are the caller's


def claim(ident: str, section: str = "Query API", state: State = State.GA, tension: str = "") -> Claim:
    """A card."""
    return Claim(
        id=ident,
        says=f"The sentence that {ident} asserts.",
        section=section,
        state=state,
        answers=("Q2",),
        criteria={"gdpr": ("32(1)(b)",), "soc2": ("CC6.1", "CC6.6")},
        strength="D",
        limit="Routes that were not probed.",
        tension=tension,
    )


def drawn(made: RunRecord) -> bytes:
    """The report of a run as it lies in a bundle."""
    return report_html(made).encode()


def held() -> ClaimResult:
    """A satisfied claim with a population of which a part was tried."""
    made = finding("QA-1", Verdict.SATISFIED, Reason.PROVEN, "60 trials as expected", calibrations=2, trials=60)
    made = replace(made, units=200, tried=60, selection="seeded random (7)")
    return ClaimResult(
        claim=claim("QA-1", tension="Called enforced in one place and Target-state in another."),
        finding=made,
        checks=(made,),
        upper_bound_95=0.0487,
        caught_defects=("unscoped_lookup",),
        calibrations=(
            entry(1, role=Role.CALIBRATION, expected=PERMITTED, seen=PERMITTED, what="acme reads its own record"),
        ),
        samples=(entry(2), entry(3)),
    )


def failed(*, waived: bool = False) -> ClaimResult:
    """A claim with a counterexample."""
    bad = entry(4, seen=PERMITTED, claim="QA-2")
    made = finding("QA-2", Verdict.NOT_SATISFIED, Reason.REFUTED, "globex reads a record of acme: permitted")
    made = replace(made, calibrations=1, trials=3, counterexamples=(bad,))
    waiver = WaiverNote(
        reason="Until the rebuild.",
        accepted_by="security@example.com",
        expires="2025-06-30",
        owner="search@example.com",
        risk="low: the index holds no payloads",
        created="2025-02-01",
        scope="venturi *",
    )
    return ClaimResult(claim=claim("QA-2"), finding=made, checks=(made,), waiver=waiver if waived else None)


def unproven() -> ClaimResult:
    """A claim that was tried in vain."""
    made = finding("KE-3", Verdict.NOT_ASSESSED, Reason.CALIBRATION_FAILED, "the key policy could not be read")
    seen = entry(5, role=Role.CALIBRATION, expected=PRESENT, seen=ABSENT, claim="KE-3")
    made = replace(made, calibrations=1, counterexamples=(seen,))
    card = claim("KE-3", section="Per-tenant keys", state=State.TARGET)
    return ClaimResult(claim=card, finding=made, checks=(made,), gating=False)


def unchecked() -> ClaimResult:
    """A claim without a check."""
    made = finding("AG-1", Verdict.NOT_ASSESSED, Reason.NO_CHECK, "no check decides this claim yet")
    return ClaimResult(claim=claim("AG-1", section="Aggregation", state=State.UNLABELLED), finding=made)


def pictures(name: str = "path") -> tuple[Grid, ...]:
    """A grid over everything and one of a section, with a cell of every kind."""
    cells = ((Cell(), Cell(3, refuted=1)), (Cell(2, unanswered=1), Cell(1200)))
    tenants = (name, "globex")
    pairs = Grid(section="", across="victim", down="attacker", rows=tenants, columns=tenants, cells=cells)
    ways = Grid(
        section="Query API",
        across="operation",
        down="vector",
        rows=(name,),
        columns=("read",),
        cells=((Cell(5, differing=1),),),
        more_rows=0,
    )
    return pairs, ways


def past(day: int, exit_: int = 0) -> PastRun:
    """An earlier run, on a day of February."""
    moment = f"2025-02-{day:02}T02:00:00Z"
    return PastRun(
        id=f"202502{day:02}T020000Z-0a0b0c",
        started=moment,
        exit=exit_,
        complete=True,
        satisfied=3,
        not_satisfied=int(exit_ == 1),
        not_assessed=1,
    )


def since(text: str = "the same checks, byte for byte, were answered otherwise") -> Comparison:
    """One claim that turned."""
    change = Change(
        claim="QA-2", before="satisfied", after="not-satisfied", attribution=Attribution.TARGET_CHANGED, because=text
    )
    return Comparison(
        before="20250228T020000Z-0a0b0c",
        after=RUN_ID,
        facts=(f"identity, commit: {text} before, b2 now",),
        changes=(change,),
        unchanged=3,
    )


def record(*, run: str = RUN_ID) -> RunRecord:
    """A complete run with one claim of every standing."""
    return RunRecord(
        id=run,
        started="2025-03-01T02:00:00Z",
        ended="2025-03-01T02:00:41Z",
        seconds=41.25,
        target="venturi embedded",
        base_url="http://127.0.0.1:8080",
        profile_digest="sha256:" + "ab" * 32,
        harness="tenantproof 0.1.0",
        identity={"product": "venturi", "deployment": "3f0c2e5e-0000-4000-8000-000000000000"},
        capabilities=("http", "tokens", "kms", "trail"),
        tenants=(("acme", "Acme"), ("acme-eu", "Acme Europe"), ("globex", "Globex")),
        complete=True,
        gate=Gate(exit=1, failed=("QA-2",)),
        claims=(held(), failed(), unproven(), unchecked()),
        criteria=(
            Criterion(catalogue="Q", id="Q1", title="Is there a shared database?", answer="No."),
            Criterion(catalogue="Q", id="Q2", title="Can another tenant query our data?", answer="No, by design."),
            Criterion(
                catalogue="gdpr", id="28(3)(b)", title="Confidentiality of all staff", documentary="Read the contracts."
            ),
            Criterion(catalogue="gdpr", id="32(1)(b)", title="Lasting confidentiality and integrity"),
            Criterion(catalogue="soc2", id="CC6.1", title="Logical access protects information assets"),
        ),
        fidelity=Fidelity(facts=12, held=11, missing=("kms: grant tokens",)),
        probes=70,
        observations=72,
        versions={"python": "3.11.9", "h11": "0.16.0"},
        sensitivity="sha256:" + "cd" * 32,
        frameworks=(
            Framework(id="Q", title="Reviewer questions", note="Ours stands beside the vendor's."),
            Framework(id="gdpr", title="GDPR"),
            Framework(id="soc2", title="SOC 2"),
        ),
        pictures=pictures(),
        steps=(
            Step(vector="requested approve", seen=PERMITTED, count=3),
            Step(vector="requested approve: by whoever asked", seen=REFUSED, count=5),
        ),
        residue=(
            Residue(kind="grant", event="revocation", seconds=0.021, promise=1.0, seen=REFUSED),
            Residue(kind="grant", event="expiry", seconds=0.4, promise=1.0, seen=REFUSED),
            Residue(kind="page cursor", event="revocation", seconds=1.31, promise=1.0, seen=PERMITTED),
        ),
        history=(past(24), past(25, 1), past(28)),
        since=since(),
        remarks=("The waiver of KE-3 excuses nothing: the claim is satisfied. Remove it.",),
        harness_digest="sha256:" + "ef" * 32,
    )


def hostile() -> RunRecord:
    """The same run where every text that can come from the target, or from a card, is hostile."""
    bad = failed(waived=True)
    spoiled = replace(
        bad.finding.counterexamples[0],
        check=ENEMY,
        observation=Observation(
            probe=ENEMY,
            what=ENEMY,
            outcome=PERMITTED,
            principal=ENEMY,
            request=ENEMY,
            request_digest=ENEMY,
            response=ENEMY * 200,
            response_digest=ENEMY,
            notes=(ENEMY,),
            replay=f"GET / HTTP/1.1\r\n{ENEMY * 500}",
        ),
    )
    worse = replace(bad.finding, because=ENEMY, selection=ENEMY, units=9, counterexamples=(spoiled,))
    bad = replace(
        bad,
        claim=replace(bad.claim, says=ENEMY, section=ENEMY, limit=ENEMY, tension=ENEMY, strength=ENEMY),
        finding=worse,
        checks=(worse,),
        waiver=WaiverNote(
            reason=ENEMY, accepted_by=ENEMY, expires=ENEMY, owner=ENEMY, risk=ENEMY, created=ENEMY, scope=ENEMY
        ),
        caught_defects=(ENEMY,),
        calibrations=(spoiled,),
        samples=(spoiled,),
        upper_bound_95=float("nan"),
    )
    return replace(
        record(),
        target=ENEMY,
        base_url=ENEMY,
        identity={ENEMY: ENEMY},
        tenants=((IMAGE, IMAGE), (ENEMY, ENEMY)),
        complete=False,
        incomplete_because=ENEMY,
        seconds=float("inf"),
        claims=(held(), bad, unproven(), unchecked()),
        criteria=tuple(replace(c, title=ENEMY, answer=ENEMY, documentary=ENEMY) for c in record().criteria),
        frameworks=tuple(replace(each, title=ENEMY, note=ENEMY) for each in record().frameworks),
        pictures=tuple(replace(each, section=ENEMY if each.section else "") for each in pictures(ENEMY)),
        since=since(ENEMY),
        remarks=(ENEMY,),
        steps=(Step(vector=ENEMY, seen=PERMITTED, count=10**12),),
        residue=(Residue(kind=ENEMY, event=ENEMY, seconds=float("inf"), promise=0.0, seen=PERMITTED),),
        versions={ENEMY: ENEMY},
        capabilities=(ENEMY,),
        fidelity=Fidelity(facts=1, held=0, missing=(ENEMY,)),
    )

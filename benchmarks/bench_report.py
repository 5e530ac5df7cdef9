"""report.million: a report from a journal of a million observations; verify.million: that bundle, verified."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.figure import Figure, peak_gigabytes
from tenantproof.cli import places
from tenantproof.cli.closing import Closing, record_of_run
from tenantproof.evidence.bundle import finish
from tenantproof.evidence.keys import SigningKey
from tenantproof.evidence.verify import verify
from tenantproof.judge.conclude import finding, unassessed
from tenantproof.ledger.journal import Journal
from tenantproof.model.observation import Observation, Role, Unit
from tenantproof.model.outcome import PERMITTED, REFUSED
from tenantproof.model.profile import Http, Identity, Profile, Safety, TargetTable, Tenant
from tenantproof.model.verdict import Finding, Reason
from tenantproof.outputs.report import report_html
from tenantproof.plugin.cards import load_cards
from tenantproof.plugin.run import Assessment

COUNT = 1_000_000
_SIDE = 100
_CHECK = "check_a_sweep[QA-1]"


def measure() -> dict[str, Figure]:
    """Fill a journal with COUNT units of a hundred tenants, then count, draw, sign and verify it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "20250301T020000Z-a1b2c3"
        folder.mkdir()
        path = folder / "journal.sqlite"
        _fill(path)
        before = peak_gigabytes()
        started = time.perf_counter()
        with Journal.read(path) as journal:
            record = record_of_run(_closing(folder, journal), journal)
        page = report_html(record).encode()
        drawn = time.perf_counter() - started
        grown = peak_gigabytes() - before
        key = SigningKey(Ed25519PrivateKey.generate())
        finish(folder, record, {"report.html": page}, key)
        started = time.perf_counter()
        result = verify(folder, key.public)
        verified = time.perf_counter() - started
        assert result.ok, result.problems
        assert record.observations == COUNT + 1
    return {
        "report.million": Figure(drawn, "s"),
        "report.memory": Figure(grown, "GB"),
        "report.size": Figure(len(page) / 1e6, "MB"),
        "verify.million": Figure(verified, "s"),
    }


def _fill(path: Path) -> None:
    with Journal.create(path, {}) as journal:
        journal.append(_CHECK, "QA-1", Role.CALIBRATION, PERMITTED, _seen(0, "own"))
        for number in range(COUNT):
            journal.append(_CHECK, "QA-1", Role.TRIAL, REFUSED, _seen(number))
        journal.populate(_CHECK, COUNT, "all")


def _seen(number: int, what: str = "reads a record of another tenant by id") -> Observation:
    attacker, rest = divmod(number, COUNT // _SIDE)
    victim, rest = divmod(rest, _SIDE)
    operation, vector = divmod(rest, 10)
    return Observation(
        probe=f"{number:032x}",
        what=f"tenant {attacker} {what}",
        outcome=PERMITTED if what == "own" else REFUSED,
        principal=f"tenant-{attacker}/reader",
        request=f"GET /v1/tenants/tenant-{victim}/attributions/att_0011223344556677",
        request_digest=f"sha256:{number:064x}",
        response="403 Forbidden, 94 octets",
        response_digest=f"sha256:{number:064x}",
        at=1.7e9 + number,
        seconds=0.001,
        unit=Unit(f"tenant-{attacker}", f"tenant-{victim}", f"operation {operation}", f"vector {vector}"),
    )


def _closing(folder: Path, journal: Journal) -> Closing:
    checks = places.house("checks")
    cards = load_cards(checks)
    found: dict[str, Finding] = {card: unassessed(card, "", Reason.NOT_SELECTED, "") for card in cards}
    found["QA-1"] = finding("QA-1", _CHECK, journal.tally(_CHECK))
    tenants = tuple(Tenant(id=f"tenant-{number}", principals={}) for number in range(_SIDE))
    target = TargetTable(name="bench", base_url="http://127.0.0.1:1", identity=Identity(path="/", expect={}))
    safety, http = Safety(hosts=("127.0.0.1:1",)), Http(operations={}, refusals={})
    return Closing(
        folder=folder,
        started=datetime.now(UTC),
        profile=Profile(schema="tenantproof.profile/1", target=target, safety=safety, http=http, tenants=tenants),
        profile_digest="sha256:" + "0" * 64,
        cards=cards,
        capabilities=frozenset({"http"}),
        assessment=Assessment({_CHECK: found["QA-1"]}, found),
        identity={},
        trouble="",
        strict=False,
        waivers=(),
        checks=checks,
    )

"""A run that was killed while its bundle was written can be resumed, and nothing half-written gets into the bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenantproof.cli.assessment import Plan, _folder
from tenantproof.cli.closing import close
from tenantproof.evidence import bundle
from tenantproof.evidence.keys import signing_key
from tenantproof.evidence.manifest import ATTESTATION, MANIFEST
from tenantproof.evidence.verify import verify
from tenantproof.ledger.journal import Journal
from tenantproof.model.errors import UsageError
from tests.cli.test_clock import closing

RUN = "20250301T020000Z-a1b2c3"


class Killed(BaseException):
    """The machine goes down."""


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("TENANTPROOF_SIGNING_KEY", raising=False)


@pytest.mark.parametrize("victim", ["write", "manifest_of", "attest", "point_latest"])
def test_a_run_that_is_killed_while_it_is_closed_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    evidence = tmp_path / "evidence"
    made = closing(evidence / RUN)

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(bundle, victim, die)
        with Journal.create(evidence / RUN / "journal.sqlite", {}) as journal, pytest.raises(Killed):
            close(made, journal)
    for name in (".report.html.0011223344556677", "report.pdf", "timestamp.tsr"):
        (evidence / RUN / name).write_bytes(b"half")

    plan = Plan(profile=made.profile, cards=made.cards, checks=made.checks, evidence=evidence, resume=RUN)
    if victim == "point_latest":  # it was signed by then
        with pytest.raises(UsageError, match="complete and signed"):
            _folder(plan, made.started)
        return
    assert _folder(plan, made.started) == evidence / RUN
    assert [path.name for path in (evidence / RUN).iterdir()] == ["journal.sqlite"]
    with Journal.open(evidence / RUN / "journal.sqlite") as journal:
        close(made, journal)
    assert verify(evidence / RUN, signing_key().public).ok
    assert (evidence / RUN / MANIFEST).is_file()
    assert (evidence / RUN / ATTESTATION).is_file()

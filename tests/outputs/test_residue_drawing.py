"""The drawing of what an access leaves behind says how long each thing worked, and shows the worst of what was seen."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from tenantproof.ledger.grids import residue
from tenantproof.ledger.journal import Journal
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import PERMITTED, REFUSED, UNANSWERED, Outcome
from tenantproof.model.run import Residue
from tenantproof.outputs.residue import matrix, residue_svg, told


def left(kind: str, event: str, seconds: float, seen: Outcome = REFUSED) -> Residue:
    return Residue(kind=kind, event=event, seconds=seconds, promise=1.0, seen=seen)


def test_the_worst_of_several_uses_is_shown() -> None:
    rows = matrix(
        [
            left("grant", "expiry", 0.1),
            left("grant", "expiry", 0.3),
            left("grant", "revocation", 1.2, PERMITTED),
            left("grant", "revocation", 2.0),
            left("cursor", "expiry", 0.1, UNANSWERED),
        ]
    )
    assert rows["grant"]["expiry"].seconds == 0.3
    assert rows["grant"]["revocation"].seen is PERMITTED
    assert told(rows["grant"]["revocation"]) == "still worked 1.200 s after the end; promised: 1 s"
    assert told(rows["cursor"]["expiry"]).startswith("no answer")
    assert told(None) == "not tried"


def test_the_drawing_is_one_element_that_says_what_it_shows() -> None:
    drawn = residue_svg([left("grant", "expiry", 0.25), left("<b>", "revocation", 5.0, PERMITTED)])
    root = ET.fromstring(drawn)
    said = " ".join(root.itertext())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "2 things used after its end, 1 not powerless in time" in said
    assert "✓ 0.250 s" in said
    assert "✗ 5.000 s" in said
    assert "<b> after revocation: still worked 5.000 s" in said
    assert said.count("not tried") == 2


def test_what_was_used_after_the_end_is_read_from_the_journal(tmp_path: Path) -> None:
    def used(vector: str, operation: str = "residue") -> Observation:
        unit = Unit("a", "t", operation, vector)
        return Observation(probe="a" * 32, what="w", outcome=REFUSED, unit=unit, seconds=0.5)

    with Journal.create(tmp_path / "journal.sqlite", {}) as journal:
        ledger = Ledger(journal, "c", "SU-1")
        ledger.expect(used("bearer token after revocation, within 1.5 s"), is_=REFUSED)
        ledger.expect(used("bearer token after revocation"), is_=REFUSED)
        ledger.expect(used("grant after expiry, within 1 s", "read"), is_=REFUSED)
        found = residue(journal)
    assert found == (Residue(kind="bearer token", event="revocation", seconds=0.5, promise=1.5, seen=REFUSED),)

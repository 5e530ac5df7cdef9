"""junit.xml: a test case per claim, for the build servers that read nothing else."""

from __future__ import annotations

import re
from collections import Counter
from typing import assert_never
from xml.etree import ElementTree as ET

from tenantproof.model.run import ClaimResult, RunRecord
from tenantproof.model.run_text import settled
from tenantproof.model.standing import Standing, standing
from tenantproof.outputs.visible import visible

# XML 1.0 section 2.2, Char: what no escape can carry.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(record: RunRecord) -> bytes:
    """The run as JUnit XML: a suite per section of the page, a case per claim, in the order of the cards."""
    run = settled(record)
    # The schema that Jenkins goes by knows `skipped` of a suite, not of them all.
    counts = {name: count for name, count in _counts(run.claims).items() if name != "skipped"}
    root = ET.Element("testsuites", counts, name=_legal(run.target), time=f"{run.seconds:.3f}")
    for section in dict.fromkeys(result.claim.section for result in run.claims):
        members = tuple(result for result in run.claims if result.claim.section == section)
        suite = ET.SubElement(root, "testsuite", _counts(members), name=_legal(section), timestamp=run.started)
        # Of a suite and not of each case: readers know properties of a case, the schema that they go by does not.
        properties = ET.SubElement(suite, "properties")
        for result in members:
            for name, value in _properties(result):
                ET.SubElement(properties, "property", name=f"{result.claim.id}.{name}", value=_legal(value))
        for result in members:
            _case(suite, result)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _counts(results: tuple[ClaimResult, ...]) -> dict[str, str]:
    stood = Counter(standing(result) for result in results)
    return {
        "tests": str(len(results)),
        "failures": str(stood[Standing.FAILED]),
        "errors": str(stood[Standing.OPEN]),
        "skipped": str(stood[Standing.UNREACHED]),
    }


def _case(suite: ET.Element, result: ClaimResult) -> None:
    claim, finding = result.claim, result.finding
    case = ET.SubElement(suite, "testcase", name=_legal(f"{claim.id} {claim.says}"), classname=_legal(claim.section))
    because = _legal(finding.because)
    match standing(result):
        case Standing.PASSED:
            pass
        case Standing.FAILED:
            ET.SubElement(case, "failure", message=because, type=finding.reason.value).text = _proof(result)
        case Standing.OPEN:
            ET.SubElement(case, "error", message=because, type=finding.reason.value).text = _proof(result)
        case Standing.UNREACHED:
            ET.SubElement(case, "skipped", message=because or finding.reason.value)
        case other:
            assert_never(other)


def _properties(result: ClaimResult) -> list[tuple[str, str]]:
    pairs = [
        ("verdict", result.finding.verdict.value),
        ("reason", result.finding.reason.value),
        ("state", result.claim.state.value),
        ("gating", "yes" if result.gating else "no"),
    ]
    if result.waiver:
        pairs.append(("waiver", f"accepted by {result.waiver.accepted_by} until {result.waiver.expires}"))
    return pairs


def _proof(result: ClaimResult) -> str:
    lines = [
        f"{entry.observation.what}: {entry.observation.outcome.value}, expected {entry.expected.value}"
        f" | {entry.observation.request} -> {entry.observation.response}"
        for entry in result.finding.counterexamples
    ]
    return "\n".join(_legal(line) for line in lines)


def _legal(text: str) -> str:
    return _ILLEGAL.sub("", visible(text))

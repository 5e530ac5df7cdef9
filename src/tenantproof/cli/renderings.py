"""Every file of a bundle that is drawn from its record, by name."""

from __future__ import annotations

from tenantproof.cli import places
from tenantproof.model.errors import UsageError
from tenantproof.model.run import RunRecord
from tenantproof.outputs.junit import junit
from tenantproof.outputs.ocsf import ocsf
from tenantproof.outputs.oscal import oscal
from tenantproof.outputs.report import report_html
from tenantproof.outputs.sarif import sarif
from tenantproof.outputs.summary import summary_json


def renderings(record: RunRecord) -> dict[str, bytes]:
    """Name to content; the same record gives the same bytes."""
    return {
        **_documents(),
        "summary.json": summary_json(record),
        "assessment-results.json": oscal(record),
        "junit.xml": junit(record),
        "findings.sarif": sarif(record),
        "findings.ocsf.json": ocsf(record),
        "report.html": report_html(record).encode(),
    }


def _documents() -> dict[str, bytes]:
    """What an auditor needs beside the evidence, where this installation has it: a verifier of a single file."""
    try:
        return {"verify_bundle.py": places.house("docs/verify_bundle.py").read_bytes()}
    except UsageError:
        return {}

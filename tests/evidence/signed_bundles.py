"""Signed bundles to spoil, and the two programs that must both notice."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import sqlite3
from pathlib import Path
from types import ModuleType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tenantproof.evidence.bundle import finish
from tenantproof.evidence.keys import SigningKey, public_pem
from tenantproof.evidence.verify import Verification, verify
from tenantproof.outputs.junit import junit
from tenantproof.outputs.summary import summary_json
from tests.outputs.run_samples import RUN_ID, drawn, record

ROOT = Path(__file__).resolve().parents[2]
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER_KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))


def make(evidence: Path, run: str = RUN_ID, key: SigningKey = KEY) -> Path:
    """A finished bundle of one run, with everything a real one has."""
    folder = evidence / run
    folder.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(folder / "journal.sqlite")) as journal, journal:
        journal.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY)")
    made = record(run=run)
    files = {"report.html": drawn(made), "summary.json": summary_json(made), "junit.xml": junit(made)}
    finish(folder, made, files, key)
    return folder


def both_agree(folder: Path, key: SigningKey = KEY) -> Verification:
    """What our verifier says, once the independent one was seen to say the same."""
    ours = verify(folder, key.public)
    code, said = independent(folder, key)
    assert (code == 0) == ours.ok, (said, ours.problems)
    assert code in {0, 1}, said
    return ours


def independent(folder: Path, key: SigningKey = KEY) -> tuple[int, str]:
    """Exit code and output of docs/verify_bundle.py."""
    pem = folder.parent / "auditor.pub"
    pem.write_text(public_pem(key.public))
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = int(_program().main([str(folder), str(pem)]))
    return code, said.getvalue()


def _program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_bundle", ROOT / "docs" / "verify_bundle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

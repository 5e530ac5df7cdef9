"""Signed bundles to spoil, and the two programs that must both notice."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.util
import io
import json
import sqlite3
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from tenantproof.evidence.attestation import envelope, pae
from tenantproof.evidence.bundle import finish
from tenantproof.evidence.keys import SigningKey, public_pem
from tenantproof.evidence.manifest import ATTESTATION, MANIFEST, STAMP, canonical, digest_of
from tenantproof.evidence.verify import Verification, verify
from tenantproof.model.run import Gate
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
        journal.execute("INSERT INTO entries VALUES (1), (2), (3)")
    finish(folder, record(run=run), _files(run), key)
    return folder


def tiny(evidence: Path, run: str = RUN_ID, ended: str = "2025-03-01T02:00:41Z") -> Path:
    """A finished bundle of few bytes: a record that knows no claim, and one file beside it."""
    folder = evidence / run
    folder.mkdir(parents=True)
    made = replace(record(run=run), ended=ended, claims=(), criteria=(), frameworks=(), pictures=(), steps=())
    made = replace(made, history=(), since=None, versions={}, remarks=(), gate=Gate(exit=0))
    finish(folder, made, {"junit.xml": b"<testsuites/>"}, KEY)
    return folder


def sign_anew(bundle: Path, manifest: dict[str, Any]) -> None:
    """Sign a spoiled list with the right key, as a holder of the key could."""
    raw = canonical(manifest)
    (bundle / MANIFEST).write_bytes(raw)
    statement = json.loads(base64.b64decode(json.loads((bundle / ATTESTATION).read_bytes())["payload"]))
    pairs = [(MANIFEST, hashlib.sha256(raw).hexdigest()), *((e["name"], e["sha256"]) for e in manifest["files"])]
    if (bundle / STAMP).is_file():
        pairs.append((STAMP, digest_of(bundle / STAMP)))
    statement["subject"] = [{"name": name, "digest": {"sha256": digest}} for name, digest in pairs]
    payload = canonical(statement)
    (bundle / ATTESTATION).write_bytes(envelope(payload, KEY.private.sign(pae(payload)), KEY.public))


def manifest_of(bundle: Path) -> dict[str, Any]:
    """The manifest as it lies there."""
    return dict(json.loads((bundle / MANIFEST).read_bytes()))


@cache
def _files(run: str) -> dict[str, bytes]:
    made = record(run=run)
    return {"report.html": drawn(made), "summary.json": summary_json(made), "junit.xml": junit(made)}


def both_agree(folder: Path, key: SigningKey = KEY, since: str = "") -> Verification:
    """What our verifier says, once the independent one was seen to say the same."""
    ours = verify(folder, key.public, since)
    code, said = independent(folder, key, *([since] if since else []))
    assert (code == 0) == ours.ok, (said, ours.problems)
    assert code in {0, 1}, said
    return ours


def independent(folder: Path, key: SigningKey = KEY, *more: str) -> tuple[int, str]:
    """Exit code and output of docs/verify_bundle.py."""
    pem = folder.parent / "auditor.pub"
    pem.write_text(public_pem(key.public))
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = int(_program().main([str(folder), str(pem), *more]))
    return code, said.getvalue()


@cache
def _program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_bundle", ROOT / "docs" / "verify_bundle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

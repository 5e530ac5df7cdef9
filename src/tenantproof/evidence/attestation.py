"""The attestation: an in-toto test-result statement over the manifest, signed in a DSSE envelope.

Sources: in-toto Attestation Framework, Statement v1 and predicate test-result v0.1; DSSE protocol v1.0.
"""

from __future__ import annotations

import base64
import hashlib

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tenantproof.evidence.keys import SigningKey, fingerprint
from tenantproof.evidence.manifest import MANIFEST, STAMP, Manifest, canonical
from tenantproof.model.run import ClaimResult, RunRecord
from tenantproof.model.run_text import settled
from tenantproof.model.standing import Standing, standing

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"

Json = dict[str, object]


def attest(record: RunRecord, manifest: Manifest, key: SigningKey, stamp: bytes = b"") -> bytes:
    """The signed envelope as it stands in the bundle; `stamp` is the time stamp over the manifest, if there is one."""
    payload = canonical(statement(settled(record), manifest, hashlib.sha256(stamp).hexdigest() if stamp else ""))
    return envelope(payload, key.private.sign(pae(payload)), key.public)


def envelope(payload: bytes, signature: bytes, key: Ed25519PublicKey) -> bytes:
    """The one encoding of an envelope with one signature."""
    signed = {"keyid": fingerprint(key), "sig": base64.b64encode(signature).decode()}
    text = base64.b64encode(payload).decode()
    return canonical({"payload": text, "payloadType": PAYLOAD_TYPE, "signatures": [signed]})


def pae(payload: bytes) -> bytes:
    """The bytes that are signed (DSSE, pre-authentication encoding)."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def statement(record: RunRecord, manifest: Manifest, stamp: str = "") -> Json:
    """Who passed, who failed, and over which bytes that is said; `stamp` is the digest of the time stamp."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": subjects(manifest, stamp),
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": _result(record),
            "configuration": [_profile(record), *(_claim(result) for result in record.claims)],
            "passedTests": _named(record, Standing.PASSED),
            "warnedTests": _named(record, Standing.OPEN),
            "failedTests": _named(record, Standing.FAILED),
        },
    }


def subjects(manifest: Manifest, stamp: str = "") -> list[Json]:
    """The manifest first, then every file that it lists, and last the time stamp, where there is one."""
    head = hashlib.sha256(canonical(manifest)).hexdigest()
    pairs = [(MANIFEST, head), *((entry.name, entry.sha256) for entry in manifest.files)]
    pairs += [(STAMP, stamp)] if stamp else []
    return [{"name": name, "digest": {"sha256": digest}} for name, digest in pairs]


def _result(record: RunRecord) -> str:
    if _named(record, Standing.FAILED):
        return "FAILED"
    return "PASSED" if record.complete and not _named(record, Standing.OPEN) else "WARNED"


def _named(record: RunRecord, wanted: Standing) -> list[str]:
    return [result.claim.id for result in record.claims if standing(result) is wanted]


def _profile(record: RunRecord) -> Json:
    digest = record.profile_digest.removeprefix("sha256:")
    return {"name": "profile", "digest": {"sha256": digest}, "annotations": {"target": record.target}}


def _claim(result: ClaimResult) -> Json:
    """A claim whether or not it was tried, so that a reader sees that none was left out. The digest is its card's."""
    finding = result.finding
    notes: Json = {
        "verdict": finding.verdict.value,
        "reason": finding.reason.value,
        "state": result.claim.state.value,
        "gating": result.gating,
    }
    if result.waiver:
        notes["waiver"] = msgspec.to_builtins(result.waiver)
    card = hashlib.sha256(canonical(result.claim)).hexdigest()
    return {"name": result.claim.id, "digest": {"sha256": card}, "annotations": notes}

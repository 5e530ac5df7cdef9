"""The attestation is verified and taken apart by the libraries of the formats it claims to be in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tenantproof.evidence.attestation import PAYLOAD_TYPE
from tenantproof.evidence.keys import SigningKey, fingerprint
from tenantproof.evidence.manifest import ATTESTATION
from tests.evidence.signed_bundles import KEY, OTHER_KEY, make


def verified_payload(bundle: Path, key: SigningKey) -> bytes:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer._key import SSlibKey

    envelope = Envelope.from_dict(json.loads((bundle / ATTESTATION).read_bytes()))
    envelope.verify([SSlibKey.from_crypto(key.public, keyid=fingerprint(key.public))], 1)
    assert envelope.payload_type == PAYLOAD_TYPE
    payload: bytes = envelope.payload
    return payload


def test_the_envelope_verifies_with_securesystemslib_and_only_with_our_key(tmp_path: Path) -> None:
    from securesystemslib.exceptions import VerificationError

    bundle = make(tmp_path / "evidence")
    assert verified_payload(bundle, KEY)
    with pytest.raises(VerificationError):
        verified_payload(bundle, OTHER_KEY)


def test_the_statement_is_a_test_result_of_in_toto(tmp_path: Path) -> None:
    from google.protobuf import json_format
    from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
    from in_toto_attestation.v1.statement import Statement
    from in_toto_attestation.v1.statement_pb2 import Statement as Wire

    payload = json.loads(verified_payload(make(tmp_path / "evidence"), KEY))
    statement = json_format.ParseDict(payload, Wire())
    Statement.copy_from_pb(statement).validate()
    result = json_format.ParseDict(payload["predicate"], test_result_pb2.TestResult())
    assert result.result == "FAILED"
    assert list(result.passed_tests) == ["QA-1"]
    assert list(result.failed_tests) == ["QA-2"]
    assert list(result.warned_tests) == ["KE-3"]
    # A consumer must see that no test was left out: those never reached stand in the configuration.
    assert {each.name for each in result.configuration} >= {"QA-1", "QA-2", "KE-3", "AG-1"}

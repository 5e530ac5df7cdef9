"""A key can be replaced: what it signed before still verifies, what claims to be later does not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from tenantproof.evidence.keys import SigningKey, rotate, signing_key, trusted_keys
from tenantproof.evidence.verify import signer_of
from tenantproof.model.errors import UsageError
from tests.cli.test_looking_back import told
from tests.evidence.signed_bundles import KEY, make

RUN = "20250302T020000Z-b1b2c3"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("TENANTPROOF_SIGNING_KEY", raising=False)
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


def test_what_the_old_key_signed_verifies_after_a_rotation(tmp_path: Path, state: dict[str, str]) -> None:
    first = make(tmp_path / "evidence", key=signing_key(state))
    old, new = rotate(datetime(2025, 3, 1, 12, tzinfo=UTC), state)
    second = make(tmp_path / "evidence", RUN, new)
    assert (signer_of(first), signer_of(second)) == (old, new.fingerprint)
    for bundle, key in ((first, old), (second, new.fingerprint)):
        code, said = told("verify", str(bundle))
        assert (code, key in said) == (0, True), said
    assert "retired 2025-03-01T12:00:00Z" in told("verify", str(first))[1]


def test_a_retired_key_signs_nothing_that_is_later(tmp_path: Path, state: dict[str, str]) -> None:
    stolen = signing_key(state)
    rotate(datetime(2025, 2, 1, tzinfo=UTC), state)
    code, said = told("verify", str(make(tmp_path / "evidence", key=stolen)))
    assert (code, "retired at 2025-02-01T00:00:00Z" in said) == (1, True)


def test_the_old_private_key_is_gone_and_the_new_one_is_another(tmp_path: Path, state: dict[str, str]) -> None:
    before = signing_key(state)
    old, new = rotate(datetime(2025, 3, 1, tzinfo=UTC), state)
    assert old == before.fingerprint != new.fingerprint
    assert [key.fingerprint for key in trusted_keys((), state)] == [new.fingerprint, old]
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state" / "tenantproof").iterdir())
    pem = before.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert pem not in kept


def test_a_key_of_the_environment_is_rotated_by_who_gave_it(state: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="put another one there"):
        rotate(datetime(2025, 3, 1, tzinfo=UTC), {**state, "TENANTPROOF_SIGNING_KEY": "x"})


def test_verifying_says_what_it_did_not_check_in_one_screen(tmp_path: Path, state: dict[str, str]) -> None:
    code, said = told("verify", str(make(tmp_path / "evidence", key=signing_key(state))))
    assert code == 0
    assert "not checked" in said
    assert len(said.splitlines()) <= 24


def test_a_key_that_kms_guards_is_decrypted_and_never_written(
    tmp_path: Path, state: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = KEY.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    wrapped = tmp_path / "key.enc"
    wrapped.write_bytes(b"ciphertext")
    monkeypatch.setattr("boto3.client", lambda name: _Kms(pem))
    key = signing_key({**state, "TENANTPROOF_SIGNING_KEY": f"kms:{wrapped}"})
    assert isinstance(key, SigningKey)
    assert key.fingerprint == KEY.fingerprint
    assert not any(pem in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


class _Kms:
    """Decrypts the one ciphertext that it knows."""

    def __init__(self, pem: bytes) -> None:
        self._pem = pem

    def decrypt(self, **asked: Any) -> dict[str, bytes]:
        assert asked == {"CiphertextBlob": b"ciphertext"}
        return {"Plaintext": self._pem}

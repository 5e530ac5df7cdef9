"""The signing key: made once, read by its owner alone, and never taken from a bundle."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tenantproof.evidence.keys import VARIABLE, fingerprint, public_pem, signing_key, state_dir, trusted_key
from tenantproof.model.errors import UsageError

PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


def test_a_key_is_made_once_and_kept(environ: dict[str, str]) -> None:
    first, again = signing_key(environ), signing_key(environ)
    assert first.fingerprint == again.fingerprint
    assert fingerprint(trusted_key(None, environ)) == first.fingerprint


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
def test_only_the_owner_reads_the_private_key(environ: dict[str, str]) -> None:
    key = signing_key(environ)
    private = state_dir(environ) / "signing-key.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    assert key.public_path is not None
    assert b"PRIVATE" not in key.public_path.read_bytes()
    private.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        signing_key(environ)


def test_runs_that_start_at_once_share_one_key(environ: dict[str, str]) -> None:
    with ThreadPoolExecutor(8) as pool:
        prints = {key.fingerprint for key in pool.map(lambda _: signing_key(environ), range(16))}
    assert len(prints) == 1
    assert sorted(path.name for path in state_dir(environ).iterdir()) == ["signing-key.pem", "signing-key.pub"]


def test_a_key_from_the_environment_is_a_pem_or_its_path(tmp_path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(PEM, PKCS8, serialization.NoEncryption()).decode()
    path = tmp_path / "ci.pem"
    path.write_text(pem)
    for given in (pem, str(path)):
        assert signing_key({VARIABLE: given}).fingerprint == fingerprint(private.public_key())
        assert fingerprint(trusted_key(None, {VARIABLE: given})) == fingerprint(private.public_key())


@pytest.mark.parametrize("kind", ["rubbish", "absent", "elliptic", "encrypted"])
def test_a_key_that_can_not_sign_is_told_with_a_fix_and_never_quoted(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key.pem"
    plain = serialization.NoEncryption()
    if kind == "rubbish":
        path.write_text("-----BEGIN PRIVATE KEY-----\ntop secret\n-----END PRIVATE KEY-----\n")
    elif kind == "elliptic":
        path.write_bytes(generate_private_key(SECP256R1()).private_bytes(PEM, PKCS8, plain))
    elif kind == "encrypted":
        lock = serialization.BestAvailableEncryption(b"word")
        path.write_bytes(Ed25519PrivateKey.generate().private_bytes(PEM, PKCS8, lock))
    with pytest.raises(UsageError) as caught:
        signing_key({VARIABLE: str(path)})
    assert "key.pem" in str(caught.value)
    assert "top secret" not in str(caught.value)


def test_a_state_folder_that_can_not_be_written_is_told_with_a_fix(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    with pytest.raises(UsageError, match=VARIABLE):
        signing_key({"XDG_STATE_HOME": str(tmp_path / "state")})


def test_a_relative_state_home_is_ignored() -> None:
    assert state_dir({"XDG_STATE_HOME": "here"}).is_absolute()


def test_no_known_key_is_a_usage_error_that_names_the_option(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="--key FILE"):
        trusted_key(None, environ)


def test_a_public_key_file_has_to_be_one(tmp_path: Path, environ: dict[str, str]) -> None:
    path = tmp_path / "key.pub"
    with pytest.raises(UsageError, match="can't be read"):
        trusted_key(path, environ)
    path.write_text("nothing")
    with pytest.raises(UsageError, match="BEGIN PUBLIC KEY"):
        trusted_key(path, environ)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    path.write_bytes(generate_private_key(SECP256R1()).public_key().public_bytes(PEM, form))
    with pytest.raises(UsageError, match="not Ed25519"):
        trusted_key(path, environ)
    mine = Ed25519PrivateKey.generate().public_key()
    path.write_text(public_pem(mine))
    assert fingerprint(trusted_key(path, environ)) == fingerprint(mine)

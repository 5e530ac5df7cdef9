"""The signing key: given by the environment, or made once and kept where only its owner reads it."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tenantproof.model.errors import UsageError

VARIABLE = "TENANTPROOF_SIGNING_KEY"
_PRIVATE, _PUBLIC = "signing-key.pem", "signing-key.pub"
_RETIRED = "retired-"
_KMS = "kms:"


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 key and, when it was made by us, where its public half lies."""

    private: Ed25519PrivateKey
    public_path: Path | None = None

    @property
    def public(self) -> Ed25519PublicKey:
        """The half that an auditor is given."""
        return self.private.public_key()

    @property
    def fingerprint(self) -> str:
        """What the command line prints and the attestation names as `keyid`."""
        return fingerprint(self.public)


def fingerprint(key: Ed25519PublicKey) -> str:
    """`sha256:` and the hex digest of the 32 raw bytes (RFC 8032) of a public key."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def public_pem(key: Ed25519PublicKey) -> str:
    """The key as a SubjectPublicKeyInfo PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode("ascii")


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Where keys are kept: $XDG_STATE_HOME/tenantproof, by default ~/.local/state/tenantproof."""
    base = environ.get("XDG_STATE_HOME", "")
    # The XDG base directory specification tells us to ignore a relative path.
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "state"
    return root / "tenantproof"


def signing_key(environ: Mapping[str, str] = os.environ) -> SigningKey:
    """The key to sign with; made on first use when the environment names none. Raises UsageError."""
    if given := environ.get(VARIABLE, ""):
        return SigningKey(_given(given))
    folder = state_dir(environ)
    path = folder / _PRIVATE
    try:
        if not path.exists():
            _make(folder)
        _refuse_shared(path)
        private = _private(path.read_bytes(), str(path))
        _publish(folder, private.public_key())
    except OSError as error:
        raise UsageError(
            f"no signing key can be kept in {folder}: {error.strerror}; "
            f"make it writable, set XDG_STATE_HOME, or give a key in {VARIABLE} (a PEM, or the path of one)"
        ) from None
    return SigningKey(private, folder / _PUBLIC)


def trusted_key(key_file: Path | None, environ: Mapping[str, str] = os.environ) -> Ed25519PublicKey:
    """The public key to verify with: the file given, else that of the key we sign with. Never one from a bundle.

    Raises UsageError when there is none, or when the file holds something else.
    """
    if key_file is not None:
        return _public(key_file)
    if given := environ.get(VARIABLE, ""):
        return _given(given).public_key()
    path = state_dir(environ) / _PUBLIC
    if not path.is_file():
        raise UsageError(
            f"no public key is known ({path} is not there), and the bundle's own word is not enough; "
            "get the public key from whoever made the bundle and name it with --key FILE"
        )
    return _public(path)


@dataclass(frozen=True)
class TrustedKey:
    """A public key to verify with. `retired` is the RFC 3339 time since which it signs nothing more, or empty."""

    public: Ed25519PublicKey
    retired: str = ""

    @property
    def fingerprint(self) -> str:
        """As the attestation names it."""
        return fingerprint(self.public)


def trusted_keys(key_files: Sequence[Path], environ: Mapping[str, str] = os.environ) -> tuple[TrustedKey, ...]:
    """The keys of the files given; else the key that we sign with and those that it replaced. Raises UsageError."""
    if key_files:
        return tuple(TrustedKey(_public(path)) for path in key_files)
    return (TrustedKey(trusted_key(None, environ)), *_retired(state_dir(environ)))


def rotate(moment: datetime, environ: Mapping[str, str] = os.environ) -> tuple[str, SigningKey]:
    """Replace the signing key with a new one; returns the fingerprint of the old and the new key.

    The old private half is destroyed and the public one kept, named after the moment (UTC) from which it signs nothing
    more. Raises UsageError when the key comes from the environment: whoever gave it must rotate it.
    """
    if environ.get(VARIABLE, ""):
        raise UsageError(f"the signing key comes from {VARIABLE}; put another one there, and keep the old public key")
    old, folder = signing_key(environ), state_dir(environ)
    try:
        name = f"{_RETIRED}{moment:%Y%m%dT%H%M%SZ}-{old.fingerprint.removeprefix('sha256:')[:12]}.pub"
        (folder / name).write_text(public_pem(old.public), encoding="ascii")
        (folder / _PRIVATE).unlink()
    except OSError as error:
        raise UsageError(f"the key in {folder} can't be rotated: {error.strerror}; make the folder writable") from None
    return old.fingerprint, signing_key(environ)


def _retired(folder: Path) -> Iterator[TrustedKey]:
    for path in sorted(folder.glob(f"{_RETIRED}*.pub"), reverse=True):
        stamp = path.name.removeprefix(_RETIRED)
        moment = f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T{stamp[9:11]}:{stamp[11:13]}:{stamp[13:15]}Z"
        yield TrustedKey(_public(path), moment)


def _given(text: str) -> Ed25519PrivateKey:
    if "-----BEGIN" in text:
        return _private(text.encode(), VARIABLE)
    if text.startswith(_KMS):
        return _private(_unwrapped(Path(text.removeprefix(_KMS))), text)
    try:
        return _private(Path(text).read_bytes(), text)
    except OSError as error:
        raise UsageError(f"{VARIABLE} names {text}, which can't be read: {error.strerror}") from None


def _unwrapped(path: Path) -> bytes:
    """The PEM that a KMS key decrypts from a file (`aws kms encrypt` made it). It stays in memory.

    KMS signs at most 4096 bytes with Ed25519 (RAW), less than a statement has; so it guards the key instead.
    """
    import boto3  # a slow import, for who asks for it
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = boto3.client("kms").decrypt(CiphertextBlob=path.read_bytes())
    except OSError as error:
        raise UsageError(f"{VARIABLE} names {path}, which can't be read: {error.strerror}") from None
    except (BotoCoreError, ClientError) as error:
        raise UsageError(f"KMS did not decrypt {path}: {error}; give this machine kms:Decrypt on its key") from None
    plain: bytes = answer["Plaintext"]
    return plain


def _private(pem: bytes, where: str) -> Ed25519PrivateKey:
    fix = "make one: openssl genpkey -algorithm ed25519 -out signing-key.pem"
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The parser's message is left out: it may quote the key.
        raise UsageError(f"{where} holds no unencrypted private key in PEM; {fix}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{where} holds a private key that is not Ed25519; {fix}")
    return key


def _public(path: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}; name the public key with --key FILE") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"{path} holds no public key in PEM; name the file that begins BEGIN PUBLIC KEY") from None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{path} holds a public key that is not Ed25519; bundles are signed with Ed25519")
    return key


def _make(folder: Path) -> None:
    """Make a key where there is none. Of two runs that start at once, one wins and both use its key."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fresh = folder / f".{_PRIVATE}.{secrets.token_hex(8)}"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(pem)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        # A link fails where the name is taken; a rename would replace the other run's key.
        (folder / _PRIVATE).hardlink_to(fresh)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _publish(folder: Path, public: Ed25519PublicKey) -> None:
    path, pem = folder / _PUBLIC, public_pem(public)
    if not path.is_file() or path.read_text(encoding="ascii", errors="replace") != pem:
        fresh = folder / f".{_PUBLIC}.{secrets.token_hex(8)}"
        fresh.write_text(pem, encoding="ascii")
        fresh.replace(path)


def _refuse_shared(path: Path) -> None:
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"{path} can be read by others; remove it (a new one is made) or: chmod 600 {path}")

"""Verifies a bundle: every byte is as it was signed, nothing was added, nothing is missing, the chain holds."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509 import Certificate

from tenantproof.evidence.attestation import PAYLOAD_TYPE, PREDICATE_TYPE, STATEMENT_TYPE, envelope, pae, subjects
from tenantproof.evidence.chain import follow
from tenantproof.evidence.keys import TrustedKey, fingerprint
from tenantproof.evidence.manifest import ATTESTATION, BINDING, MANIFEST, STAMP, FileEntry, Manifest, digest_of
from tenantproof.evidence.sealed import Newer, Tampered, manifest_in, parse, read
from tenantproof.evidence.timestamp import Stamp, StampError, verify_stamp


class _Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keyid: str
    sig: str


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    payload: str
    payloadType: str  # noqa: N815  # DSSE's spelling
    signatures: tuple[_Signature, ...]


@dataclass
class Verification:
    """What verifying came to. Each problem is a sentence; notes are what could not be, or need not be, checked."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: int = 0
    links: int = 0
    """Bundles that hang together, this one and those before it that lie beside it."""
    manifest: Manifest | None = None
    stamp: Stamp | None = None
    """The time stamp, where it was verified against the certificate of an authority."""
    is_newer: bool = False
    """Whether it is of a format that this version does not know, so that nothing of it could be checked."""

    @property
    def ok(self) -> bool:
        """Whether the bundle is as it was signed."""
        return not self.problems


def verify(
    bundle: Path, public_key: Ed25519PublicKey, since: str = "", trusted: Sequence[Certificate] = ()
) -> Verification:
    """Check a bundle against a public key that came by another way than the bundle. Never raises for its content.

    `since` is the hex SHA-256 of a manifest that somebody kept: the chain must come from there. `trusted` are the
    certificates of time-stamping authorities; where there are any, the bundle must bear a stamp by one of them.
    """
    folder = bundle.resolve()
    result = Verification()
    try:
        manifest = manifest_in(folder)
        result.manifest = manifest
        stamp = _check_attestation(folder, manifest, public_key)
        _check_stamp(folder, stamp, trusted, result)
    except Tampered as problem:
        result.problems.append(str(problem))
        result.is_newer = isinstance(problem, Newer)
    if result.manifest is not None:
        _check_files(folder, result.manifest, result)
        _check_chain(folder, result.manifest, result, since)
    return result


def verify_by(
    bundle: Path, keys: Sequence[TrustedKey], since: str = "", trusted: Sequence[Certificate] = ()
) -> tuple[Verification, TrustedKey]:
    """Check a bundle as `verify` does, against that of the keys which it names, and which must not have been retired.

    Returns the key too; it is the first where the bundle names none of them.
    """
    signer = signer_of(bundle)
    key = next((each for each in keys if each.fingerprint == signer), keys[0])
    result = verify(bundle, key.public, since, trusted)
    if result.manifest and key.retired and result.manifest.time > key.retired:
        result.problems.append(f"The key was retired at {key.retired}, before the run ended; it signs nothing since.")
    return result, key


def signer_of(bundle: Path) -> str:
    """The fingerprint that the attestation names as its key's, or nothing; a hint which key to verify with, no more."""
    try:
        return parse(read(bundle.resolve() / ATTESTATION), _Envelope, ATTESTATION).signatures[0].keyid
    except (Tampered, IndexError):
        return ""


def _check_attestation(folder: Path, manifest: Manifest, key: Ed25519PublicKey) -> str:
    """The digest of the time stamp that was signed, or nothing where none was.

    Raises Tampered unless the envelope is, byte for byte, one that the key's holder made over this manifest.
    """
    data = read(folder / ATTESTATION)
    parsed = parse(data, _Envelope, ATTESTATION)
    if parsed.payloadType != PAYLOAD_TYPE or len(parsed.signatures) != 1:
        raise Tampered(f"{ATTESTATION} is no in-toto envelope with exactly one signature.")
    signed = parsed.signatures[0]
    if signed.keyid != fingerprint(key):
        raise Tampered(f"{ATTESTATION} names the key {signed.keyid!r}; the key to verify with is {fingerprint(key)}.")
    payload, signature = _decoded(parsed.payload), _decoded(signed.sig)
    if envelope(payload, signature, key) != data:
        raise Tampered(f"{ATTESTATION} is not in its canonical encoding, so it is not the file that was signed.")
    try:
        key.verify(signature, pae(payload))
    except InvalidSignature:
        raise Tampered(f"The signature in {ATTESTATION} does not fit its content and the key.") from None
    return _check_statement(payload, manifest)


def _check_statement(payload: bytes, manifest: Manifest) -> str:
    statement = json.loads(payload)
    if statement.get("_type") != STATEMENT_TYPE or statement.get("predicateType") != PREDICATE_TYPE:
        raise Tampered(f"{ATTESTATION} holds a signed statement of another kind than a test result.")
    said = statement.get("subject")
    stamp = (
        str(said[-1]["digest"].get("sha256")) if isinstance(said, list) and len(said) > len(manifest.files) + 1 else ""
    )
    if said != subjects(manifest, stamp):
        raise Tampered(f"{MANIFEST} is not the one that was signed.")
    return stamp


def _check_stamp(folder: Path, wanted: str, trusted: Sequence[Certificate], result: Verification) -> None:
    """Raises Tampered unless the time stamp is the one that was signed, and holds where its authority is known."""
    path = folder / STAMP
    if not wanted:
        if path.exists() or path.is_symlink():
            raise Tampered(f"{STAMP} was added: the attestation does not name it.")
        if trusted:
            raise Tampered("The bundle bears no time stamp.")
        return
    stamp = read(path)
    if hashlib.sha256(stamp).hexdigest() != wanted:
        raise Tampered(f"{STAMP} was changed: its SHA-256 is not the one that was signed.")
    if not trusted:
        result.notes.append("The time stamp was not checked; name its authority's certificate with --tsa FILE.")
        return
    try:
        result.stamp = verify_stamp(stamp, read(folder / MANIFEST), trusted)
    except StampError as error:
        raise Tampered(f"{STAMP}: {error}.") from None


def _check_files(folder: Path, manifest: Manifest, result: Verification) -> None:
    wanted = {entry.name: entry for entry in manifest.files}
    found = {path.name: path for path in folder.iterdir()}
    for name in sorted(found.keys() - wanted.keys() - BINDING):
        result.problems.append(f"{_shown(name)} was added: the manifest does not list it.")
    for name, entry in wanted.items():
        if name not in found:
            result.problems.append(f"{name} is missing.")
        elif problem := _differs(found[name], entry):
            result.problems.append(problem)
        else:
            result.files += 1


def _differs(path: Path, entry: FileEntry) -> str:
    """What is wrong with a file, as a sentence, or nothing."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return f"{entry.name} is not a plain file."
        if status.st_size != entry.size:
            return f"{entry.name} was changed: it has {status.st_size} bytes, and {entry.size} were signed."
        if digest_of(path) != entry.sha256:
            return f"{entry.name} was changed: its SHA-256 is not the one that was signed."
    except OSError as error:
        return f"{entry.name} can't be read: {error.strerror}."
    return ""


def _check_chain(folder: Path, manifest: Manifest, result: Verification, since: str) -> None:
    if folder.name != manifest.run:
        result.notes.append(f"The folder is named {_shown(folder.name)}; the run is {manifest.run}.")
    if not manifest.complete:
        result.notes.append("The run is incomplete; its report says why.")
    chain = follow(folder, manifest)
    result.links = chain.links
    result.problems += chain.problems
    result.notes += chain.notes
    if since and since not in chain.digests:
        result.problems.append(f"The chain does not come from the bundle with the manifest {_shown(since)}.")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Tampered(f"{ATTESTATION} holds a text that is not base64.") from None


def _shown(name: str) -> str:
    return ascii(name)

"""Verifies a bundle: every byte is as it was signed, nothing was added, nothing is missing, the chain holds."""

from __future__ import annotations

import base64
import binascii
import json
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tenantproof.evidence.attestation import PAYLOAD_TYPE, PREDICATE_TYPE, STATEMENT_TYPE, envelope, pae, subjects
from tenantproof.evidence.keys import fingerprint
from tenantproof.evidence.manifest import (
    ATTESTATION,
    MANIFEST,
    PLAIN_NAME,
    SCHEMA,
    FileEntry,
    Manifest,
    canonical,
    digest_of,
)

_MANY = 32 * 1024 * 1024
"""Bytes of a manifest or attestation beyond which we don't read it."""

_T = TypeVar("_T")


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
    manifest: Manifest | None = None

    @property
    def ok(self) -> bool:
        """Whether the bundle is as it was signed."""
        return not self.problems


class _Tampered(Exception):  # what it says, not an error of ours
    """Nothing further can be checked; the message is the problem."""


def verify(bundle: Path, public_key: Ed25519PublicKey) -> Verification:
    """Check a bundle against a public key that came by another way than the bundle. Never raises for its content."""
    folder = bundle.resolve()
    result = Verification()
    try:
        manifest = _manifest(folder)
        result.manifest = manifest
        _check_attestation(folder, manifest, public_key)
    except _Tampered as problem:
        result.problems.append(str(problem))
    if result.manifest is not None:
        _check_files(folder, result.manifest, result)
        _check_chain(folder, result.manifest, result)
    return result


def signer_of(bundle: Path) -> str:
    """The fingerprint that the attestation names as its key's, or nothing; a hint which key to verify with, no more."""
    try:
        return _parse(_read(bundle.resolve() / ATTESTATION), _Envelope, ATTESTATION).signatures[0].keyid
    except (_Tampered, IndexError):
        return ""


def _manifest(folder: Path) -> Manifest:
    data = _read(folder / MANIFEST)
    manifest = _parse(data, Manifest, MANIFEST)
    if not _is_canonical(manifest, data):
        raise _Tampered(f"{MANIFEST} is not in its canonical encoding, so it is not the file that was signed.")
    if manifest.schema != SCHEMA:
        raise _Tampered(
            f"{MANIFEST} has the schema {manifest.schema!r}; this version reads {SCHEMA!r} only; "
            "a newer harness may have written it."
        )
    names = [entry.name for entry in manifest.files]
    for name in [*names, manifest.run]:
        if not PLAIN_NAME.match(name) or name in {MANIFEST, ATTESTATION}:
            raise _Tampered(f"{MANIFEST} lists {name!r}, which can't be the name of a file or run of a bundle.")
    if names != sorted(set(names)):
        raise _Tampered(f"{MANIFEST} lists its files twice or out of order.")
    return manifest


def _is_canonical(manifest: Manifest, data: bytes) -> bool:
    try:
        return canonical(manifest) == data
    except rfc8785.CanonicalizationError:  # a number or text that no canonical file can hold
        return False


def _check_attestation(folder: Path, manifest: Manifest, key: Ed25519PublicKey) -> None:
    """Raises _Tampered unless the envelope is, byte for byte, one that the key's holder made over this manifest."""
    data = _read(folder / ATTESTATION)
    parsed = _parse(data, _Envelope, ATTESTATION)
    if parsed.payloadType != PAYLOAD_TYPE or len(parsed.signatures) != 1:
        raise _Tampered(f"{ATTESTATION} is no in-toto envelope with exactly one signature.")
    signed = parsed.signatures[0]
    if signed.keyid != fingerprint(key):
        raise _Tampered(f"{ATTESTATION} names the key {signed.keyid!r}; the key to verify with is {fingerprint(key)}.")
    payload, signature = _decoded(parsed.payload), _decoded(signed.sig)
    if envelope(payload, signature, key) != data:
        raise _Tampered(f"{ATTESTATION} is not in its canonical encoding, so it is not the file that was signed.")
    try:
        key.verify(signature, pae(payload))
    except InvalidSignature:
        raise _Tampered(f"The signature in {ATTESTATION} does not fit its content and the key.") from None
    _check_statement(payload, manifest)


def _check_statement(payload: bytes, manifest: Manifest) -> None:
    statement = json.loads(payload)
    if statement.get("_type") != STATEMENT_TYPE or statement.get("predicateType") != PREDICATE_TYPE:
        raise _Tampered(f"{ATTESTATION} holds a signed statement of another kind than a test result.")
    if statement.get("subject") != subjects(manifest):
        raise _Tampered(f"{MANIFEST} is not the one that was signed.")


def _check_files(folder: Path, manifest: Manifest, result: Verification) -> None:
    wanted = {entry.name: entry for entry in manifest.files}
    found = {path.name: path for path in folder.iterdir()}
    for name in sorted(found.keys() - wanted.keys() - {MANIFEST, ATTESTATION}):
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


def _check_chain(folder: Path, manifest: Manifest, result: Verification) -> None:
    if folder.name != manifest.run:
        result.notes.append(f"The folder is named {_shown(folder.name)}; the run is {manifest.run}.")
    if not manifest.complete:
        result.notes.append("The run is incomplete; its report says why.")
    if manifest.previous is None:
        result.notes.append("The bundle says that it is the first of its chain.")
        return
    run = manifest.previous.run
    if not PLAIN_NAME.match(run):
        result.problems.append(f"{MANIFEST} names {run!r} as the run before, which can't be the name of a run.")
        return
    before = folder.parent / run / MANIFEST
    if not before.parent.exists():
        result.notes.append(f"The bundle before, {run}, is not beside this one; that link was not checked.")
    elif not before.is_file() or digest_of(before) != manifest.previous.manifest_sha256:
        result.problems.append(f"The chain is broken: {run} is not the bundle that this one was chained to.")


def _read(path: Path) -> bytes:
    try:
        status = path.lstat()
    except OSError:
        raise _Tampered(
            f"{path.name} is missing: the bundle is unsigned, because its run was killed or because it was removed."
        ) from None
    if not stat.S_ISREG(status.st_mode) or status.st_size > _MANY:
        raise _Tampered(f"{path.name} is not a plain file of at most {_MANY} bytes.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise _Tampered(f"{path.name} can't be read: {error.strerror}.") from None


def _parse(data: bytes, kind: type[_T], name: str) -> _T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _Tampered(f"{name} can't be read: it is not what was written.") from None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _Tampered(f"{ATTESTATION} holds a text that is not base64.") from None


def _shown(name: str) -> str:
    return ascii(name)

"""Verifies a bundle of evidence on its own: one file, the standard library and `cryptography`, no code of the harness.

Usage: python verify_bundle.py FOLDER PUBLIC-KEY.pem [KEPT]      ends 0 intact, 1 tampered, 2 wrong usage

KEPT is the SHA-256 of a manifest that you kept from an earlier bundle: the chain must come from there.
"""  # noqa: INP001  # a program to hand on, part of no package

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

MANIFEST, ATTESTATION, STAMP = "manifest.json", "attestation.dsse.json", "timestamp.tsr"
TYPE = "application/vnd.in-toto+json"
Json = dict[str, Any]
KEYS = {"schema", "run", "time", "complete", "files", "previous"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")


class Bad(Exception):
    """What is wrong, as a sentence."""


def main(arguments: list[str]) -> int:
    """Print OK or everything that is wrong."""
    usage = "usage: verify_bundle.py FOLDER PUBLIC-KEY.pem [KEPT]"
    try:
        folder, key = Path(arguments[0]).resolve(), load_pem_public_key(Path(arguments[1]).read_bytes())
    except (IndexError, OSError, ValueError) as error:
        return say(f"{usage} ({error})", 2)
    if len(arguments) > 3 or not isinstance(key, Ed25519PublicKey) or not folder.is_dir():
        return say(f"{usage} (a folder, an Ed25519 public key, and maybe a digest)", 2)
    problems = check(folder, key, *arguments[2:])
    for problem in problems:
        say(f"BAD {problem}", 1)
    return 1 if problems else say(f"OK {folder.name}", 0)


def check(folder: Path, key: Ed25519PublicKey, kept: str = "") -> list[str]:
    """Everything that is wrong with a bundle."""
    try:
        raw, manifest = load(folder / MANIFEST)
        shape(manifest)
    except Bad as bad:
        return [str(bad)]
    problems = [*signature(folder, raw, manifest, key), *chain(folder, manifest, kept)]
    listed = {entry["name"]: entry for entry in manifest["files"]}
    present = {path.name for path in folder.iterdir()} - {MANIFEST, ATTESTATION, STAMP}
    problems += [f"{name!a} was added" for name in sorted(present - listed.keys())]
    return problems + [f"{name} is missing or was changed" for name in listed if not same(folder / name, listed[name])]


def load(path: Path) -> tuple[bytes, Any]:
    """The bytes of a JSON file and what they mean; there is one right way to write it."""
    try:
        if path.is_symlink() or not path.is_file():
            raise Bad(f"{path.name} is missing or no plain file")
        raw = path.read_bytes()
        value = json.loads(raw.decode("utf-8"))
        right = canonical(value)
    except (OSError, ValueError, TypeError, RecursionError):
        raise Bad(f"{path.name} can't be read") from None
    if right != raw:
        raise Bad(f"{path.name} is not in its canonical encoding")
    return raw, value


def canonical(value: object) -> bytes:
    """RFC 8785 for what we meet: no fractions, and ASCII keys, whose order is that of their code points."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def shape(manifest: Json) -> None:
    """A manifest has exactly its members, and names that can't lead elsewhere."""
    try:
        entries, before = manifest["files"], manifest["previous"]
        names = [entry["name"] for entry in entries]
        good = set(manifest) == KEYS and manifest["schema"] == "tenantproof.manifest/1"
        good = good and all(set(entry) == {"name", "sha256", "size"} for entry in entries)
        good = good and names == sorted(set(names)) and not {MANIFEST, ATTESTATION, STAMP} & set(names)
        good = good and (before is None or set(before) == {"run", "manifest_sha256"})
        runs = [manifest["run"]] + ([before["run"]] if before else [])
        good = good and all(NAME.match(name) for name in [*names, *runs])
    except (KeyError, TypeError):
        good = False
    if not good:
        raise Bad(f"{MANIFEST} is not what a harness of this version writes")


def signature(folder: Path, raw: bytes, manifest: Json, key: Ed25519PublicKey) -> list[str]:
    """Nothing, if the envelope is signed by the key and what it says is about this manifest."""
    try:
        _, envelope = load(folder / ATTESTATION)
        (signed,) = envelope["signatures"]
        payload, mark = (base64.b64decode(text, validate=True) for text in (envelope["payload"], signed["sig"]))
        keyid = "sha256:" + hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()
        again = {"keyid": keyid, "sig": base64.b64encode(mark).decode()}
        whole = {"payload": base64.b64encode(payload).decode(), "payloadType": TYPE, "signatures": [again]}
        if envelope != whole:
            return [f"{ATTESTATION} is not signed with this key, or not what a harness writes"]
        key.verify(mark, b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(payload), payload))
    except Bad as bad:
        return [str(bad)]
    except (KeyError, TypeError, ValueError, InvalidSignature):
        return [f"{ATTESTATION} holds no good signature"]
    pairs = [(MANIFEST, hashlib.sha256(raw).hexdigest())] + [(e["name"], e["sha256"]) for e in manifest["files"]]
    if (stamp := folder / STAMP).exists() or stamp.is_symlink():  # what it says of the time: openssl ts -verify
        pairs.append((STAMP, "" if stamp.is_symlink() else digest(stamp)))
    wanted: Json = {"_type": "https://in-toto.io/Statement/v1"}
    wanted["predicateType"] = "https://in-toto.io/attestation/test-result/v0.1"
    wanted["subject"] = [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in pairs]
    statement = json.loads(payload)
    return [] if statement | wanted == statement else [f"{MANIFEST} or {STAMP} is not the one that was signed"]


def chain(folder: Path, manifest: Json, kept: str) -> list[str]:
    """Nothing, if every bundle before, as far as they lie beside this one, is the one named, and named only once."""
    problems, seen, named = [], {digest(folder / MANIFEST)}, names(folder, manifest)
    while before := manifest["previous"]:
        seen.add(before["manifest_sha256"])
        beside = folder.parent / before["run"]
        if len(runs := sorted(named[before["run"]])) > 1:
            problems.append(f"the chain forks: {', '.join(runs)} all name {before['run']}")
        if not beside.exists():
            break
        if digest(beside / MANIFEST) != before["manifest_sha256"]:
            problems.append(f"the chain is broken at {before['run']}")
            break
        try:
            manifest = load(beside / MANIFEST)[1]
            shape(manifest)
        except Bad:  # of another version: its digest is right, and where it leads to is not known
            break
    return problems + ([f"the chain does not come from {kept!a}"] if kept and kept not in seen else [])


def names(folder: Path, own: Json) -> dict[str, set[str]]:
    """Run to the runs that name it as the one before, over this bundle and all beside it that can be read."""
    manifests = [own]
    for path in folder.parent.glob(f"*/{MANIFEST}"):
        try:
            manifest = load(path)[1]
            shape(manifest)
        except Bad:
            continue
        if path.parent != folder and not path.parent.is_symlink():
            manifests.append(manifest)
    found: dict[str, set[str]] = {}
    for manifest in manifests:
        if manifest["previous"]:
            found.setdefault(manifest["previous"]["run"], set()).add(manifest["run"])
    return found


def same(path: Path, entry: Json) -> bool:
    """Whether a file is the plain file that was listed."""
    return not path.is_symlink() and digest(path) == entry["sha256"] and path.stat().st_size == entry["size"]


def digest(path: Path) -> str:
    """The SHA-256 of a plain file in hex; nothing for anything else."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def say(text: str, code: int) -> int:
    """Print a line and hand the exit code on."""
    print(text)  # noqa: T201  # what this program is for
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

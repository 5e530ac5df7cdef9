"""`tenantproof trail verify`: is an exported log whole, unedited, signed, and the one that was seen before?"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tenantproof.clients.redaction import one_line
from tenantproof.clients.transparency.audit import Audit, Known, audit_export, cores
from tenantproof.clients.transparency.cloudtrail import CloudTrailError, audit_cloudtrail
from tenantproof.clients.transparency.entries import Terms
from tenantproof.clients.transparency.export import Export, ExportError, ending
from tenantproof.clients.transparency.faults import Kind
from tenantproof.clients.transparency.heads import HeadBook
from tenantproof.clients.transparency.notes import NoteError, NoteKey
from tenantproof.evidence.heads import keep_heads, read_heads
from tenantproof.model.errors import UsageError
from tenantproof.model.heads import Head


@dataclass(frozen=True)
class Choices:
    """What the command line chose. `at`: Unix time that the log's times are held to."""

    exports: tuple[Path, ...]
    keys: tuple[str, ...]
    heads: Path | None
    witnesses: tuple[Path, ...]
    at: float
    skew: float
    jobs: int


@dataclass(frozen=True)
class Verified:
    """One export's audit, the key that its log goes by, and how that key came to be trusted."""

    path: Path
    audit: Audit
    key: str
    trust: str


@click.command(name="verify")
@click.argument("exports", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--format", "kind", type=click.Choice(["trail", "cloudtrail"]), default="trail", show_default=True)
@click.option("--key", "keys", multiple=True, help="The log's public key (NAME+ID+BASE64, or PEM): the text or a file.")
@click.option("--heads", type=click.Path(path_type=Path), help="Remember heads in this file, and hold the log to them.")
@click.option(
    "--witness",
    "witnesses",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="Hold the log to heads that somebody else remembered too, as those of a run; the file is only read.",
)
@click.option("--at", default="", metavar="RFC3339", help="Hold times to this moment instead of now.")
@click.option("--skew", default=300.0, show_default=True, help="Seconds by which times may be off.")
@click.option("--jobs", default=0, help="Processes at once. Default: one for each core.")
@click.option("--json", "as_json", is_flag=True, help="Say it as one JSON object.")
def verify(
    exports: tuple[Path, ...],
    kind: str,
    keys: tuple[str, ...],
    heads: Path | None,
    witnesses: tuple[Path, ...],
    at: str,
    skew: float,
    jobs: int,
    *,
    as_json: bool,
) -> int:
    """Verify EXPORTS of logs; several of one log are held to each other, as what two readers were shown.

    Nothing is asked of the target. With --heads, the log is held to what it was when it was last verified, and its
    new head is remembered if all is well. Without --key, the key is the one that was remembered; at first sight, the
    one in the export, which then proves no more than that the export agrees with itself.

    Exit codes: 0 all is well, 1 something is wrong with a log, 2 no such file, or not of the format.
    """
    choices = Choices(exports, keys, heads, witnesses, _moment(at), skew, jobs or min(cores(), 8))
    book = HeadBook(read_heads(heads) if heads else ())
    try:
        found = _cloudtrails(choices, book) if kind == "cloudtrail" else _trails(choices, book)
    except (ExportError, NoteError, CloudTrailError) as error:
        raise UsageError(one_line(str(error))) from None
    click.echo(json.dumps({"logs": [_told(each) for each in found]}, indent=2) if as_json else _shown(found))
    well = not any(each.audit.faults for each in found)
    if heads and well:
        keep_heads(heads, book.all())
    return 0 if well else 1


def _trails(choices: Choices, book: HeadBook) -> list[Verified]:
    ends = {path: ending(path) for path in choices.exports}
    found: list[Verified] = []
    # The shortest first: the longer ones are held to it, at its size.
    for path in sorted(choices.exports, key=lambda path: ends[path] or 0):
        seen = [
            Known(each.audit.size, each.audit.root, str(each.path))
            for each in found
            if each.audit.log == _log_of(path) and each.audit.size <= (ends[path] or 0)
        ]
        found.append(_trail(path, choices, book, seen))
    return found


def _log_of(path: Path) -> str:
    with path.open("rb") as stream:
        return Export.open(stream).preamble.log


def _trail(path: Path, choices: Choices, book: HeadBook, seen: Sequence[Known]) -> Verified:
    with ExitStack() as stack:
        export = Export.open(stack.enter_context(path.open("rb")))
        log = export.preamble.log
        before = book.known("", log)
        keys, trust = _keys(choices.keys, before, export.preamble.keys)
        terms = Terms(log, choices.at, skew=choices.skew, lag=choices.skew)
        seen = [*seen, *_witnessed(choices.witnesses, log)]
        known = [*seen, Known(before.size, bytes.fromhex(before.root), f"the run of {before.seen}")] if before else seen
        audit = audit_export(export, terms, keys, known, jobs=choices.jobs)
    if before and all(_spelled(key) != before.key for key in keys):
        audit.faults.add(Kind.KEY, f"the log was known by the key {before.key}")
    if trust:
        audit.notes.append(trust)
    if (head := audit.head) and not audit.faults and keys:
        now = _rfc3339(choices.at)
        key = _spelled(keys[0])
        book.note(Head(log=log, size=head.size, root=head.root.hex(), key=key, seen=now))
    return Verified(path, audit, _spelled(keys[0]) if keys else "", trust)


def _witnessed(witnesses: Iterable[Path], log: str) -> list[Known]:
    """What others saw of a log, under whatever name of a deployment they kept it."""
    return [
        Known(head.size, bytes.fromhex(head.root), f"{path.name}, on {head.seen},")
        for path in witnesses
        for head in read_heads(path)
        if head.log == log
    ]


def _keys(given: Iterable[str], before: Head | None, own: Iterable[str]) -> tuple[list[NoteKey], str]:
    """The keys that signatures are held to, and what has to be said of them."""
    if chosen := [NoteKey.parse(_text_of(key)) for key in given]:
        return chosen, ""
    if before:
        return [NoteKey.parse(before.key)], ""
    found = [NoteKey.parse(key) for key in own]
    return found, "the key is the export's own: it agrees with itself, and nothing more is shown; name one with --key"


def _cloudtrails(choices: Choices, book: HeadBook) -> list[Verified]:
    keys = [_rsa(key) for key in choices.keys]
    if not keys:
        raise UsageError(
            "--format cloudtrail needs --key: the public key of the region (aws cloudtrail list-public-keys)"
        )
    found = []
    for folder in choices.exports:
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder; name a copy of the bucket")
        audit = audit_cloudtrail(folder, keys, lambda log: [*_seen(book, log), *_witnessed(choices.witnesses, log)])
        if not audit.faults:
            head = Head(log=audit.log, size=audit.size, root=audit.root.hex(), key="", seen=_rfc3339(choices.at))
            book.note(head)
        found.append(Verified(folder, audit, "", ""))
    return found


def _seen(book: HeadBook, log: str) -> list[Known]:
    before = book.known("", log)
    return [Known(before.size, bytes.fromhex(before.root), f"the run of {before.seen}")] if before else []


def _text_of(given: str) -> str:
    path = Path(given)
    return path.read_text(encoding="utf-8") if "+" not in given and path.is_file() else given


def _rsa(given: str) -> RSAPublicKey:
    try:
        key = load_pem_public_key(Path(given).read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"--key {given} is no public key in PEM: {error}") from None
    if not isinstance(key, RSAPublicKey):
        raise UsageError(f"--key {given} is no RSA key, and CloudTrail signs with RSA")
    return key


def _spelled(key: NoteKey) -> str:
    return f"{key.name}+{key.ident.hex()}+{base64.b64encode(bytes([1]) + key.raw).decode()}"


def _moment(at: str) -> float:
    if not at:
        return time.time()
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise UsageError(f"--at {at} is no time; write it as 2026-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        raise UsageError(f"--at {at} has no zone; write it as 2026-01-31T12:00:00Z")
    return moment.timestamp()


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _told(each: Verified) -> Mapping[str, Any]:
    audit = each.audit
    return {
        "file": str(each.path),
        "log": audit.log,
        "whole": not audit.faults,
        "size": audit.size,
        "root": audit.root.hex(),
        "heads": [{"size": head.size, "root": head.root.hex(), "witnesses": head.others} for head in audit.heads],
        "faults": {kind.value: count for kind, count in sorted(audit.faults.counts.items())},
        "first": [{"kind": fault.kind.value, "seq": fault.seq, "said": one_line(fault.said)} for fault in audit.faults],
        "notes": [one_line(note) for note in audit.notes],
    }


def _shown(found: Iterable[Verified]) -> str:
    return "\n".join(line for each in found for line in _lines(each))


def _lines(each: Verified) -> Iterable[str]:
    audit = each.audit
    yield f"{'BROKEN' if audit.faults else 'WHOLE '}  {each.path}"
    yield f"log     {one_line(audit.log)}"
    yield f"size    {audit.size}, root {audit.root.hex()}"
    for head in audit.heads:
        yield f"head    {head.size}" + (f", also signed by {one_line(', '.join(head.others))}" if head.others else "")
    for fault in audit.faults:
        yield f"fault   {fault.kind.value:<12} {one_line(fault.said)}"
    more = sum(audit.faults.counts.values()) - len(list(audit.faults))
    if more:
        yield f"fault   {more} more of the same kinds"
    yield from (f"note    {one_line(note)}" for note in audit.notes)

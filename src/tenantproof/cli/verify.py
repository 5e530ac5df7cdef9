"""`tenantproof verify`: is a bundle of evidence, byte for byte, the one that was signed?"""

from __future__ import annotations

import re
from pathlib import Path

import click

from tenantproof.cli import places
from tenantproof.evidence.keys import TrustedKey, trusted_keys
from tenantproof.evidence.manifest import MANIFEST, digest_of, latest_of
from tenantproof.evidence.timestamp import authorities
from tenantproof.evidence.verify import Verification, verify_by
from tenantproof.model.errors import UsageError

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_CHECKED = (
    "every byte of every file, that none was added or is missing, the signature over their list,",
    "and the chain of the bundles before, as far as they lie beside this one",
)
_UNCHECKED = (
    "that newer bundles were not thrown away (keep the digest of the newest manifest, see --since),",
    "{clock}that whoever holds the key ran the harness on the target",
    "named, and what the report says (see: tenantproof report)",
)
_CLOCK = "that the clock was right (see --tsa), "


@click.command(name="verify")
@click.argument("bundle", type=click.Path(path_type=Path), default=places.EVIDENCE / "latest")
@click.option(
    "--key", "key_files", type=click.Path(path_type=Path), multiple=True, help="Public key (PEM). Default: our own."
)
@click.option(
    "--tsa",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Certificate (PEM) of a time-stamping authority: the bundle must bear its stamp.",
)
@click.option("--since", default="", help="SHA-256 of a manifest that you kept: the chain must come from there.")
def command(bundle: Path, key_files: tuple[Path, ...], tsa: tuple[Path, ...], since: str) -> int:
    """Check that BUNDLE (default: evidence/latest) is what was signed, and that the chain before it holds.

    The key never comes from the bundle: it is one of those named by --key (more than once after a rotation), else
    the key this machine signs with, or one that it replaced.

    The newest bundles can be thrown away without a trace in the rest: keep the head that is printed, and next time
    say --since HEAD.

    Exit codes: 0 nothing was changed, 1 something was, or a newer version wrote it, 2 no such bundle or no key to
    verify with.
    """
    since = since.strip().lower().removeprefix("sha256:")
    if since and not _DIGEST.match(since):
        raise UsageError("--since names no SHA-256; give the 64 hex digits that `verify` prints as the head")
    folder = named_bundle(bundle)
    result, key = verify_by(folder, trusted_keys(key_files), since, authorities(tsa))
    click.echo(_told(folder, result, key))
    return 0 if result.ok else 1


def named_bundle(path: Path) -> Path:
    """The folder that a path names, through evidence/latest in either of its forms. Raises UsageError."""
    if path.name == "latest" and not path.is_dir():
        path = latest_of(path.parent) or path
    if not path.is_dir():
        raise UsageError(f"{path} is no bundle; name the folder of a run, or make one: tenantproof run")
    return path.resolve()


def _headline(result: Verification) -> str:
    if result.is_newer:
        return "UNREADABLE"
    return "VERIFIED" if result.ok else "TAMPERED"


def _told(folder: Path, result: Verification, key: TrustedKey) -> str:
    """One screen: what was checked, what was found, and what no such check can show."""
    lines = [f"{_headline(result)}  {folder}"]
    lines += [f"problem {problem}" for problem in result.problems]
    lines += [f"note    {note}" for note in result.notes]
    if result.manifest is not None:
        lines.append(f"run     {ascii(result.manifest.run)[1:-1]}, ended {ascii(result.manifest.time)[1:-1]}")
        lines.append(f"files   {result.files} of {len(result.manifest.files)} as they were signed")
        lines.append(f"chain   {result.links} hang together: this one, and those before it")
        lines.append(f"head    {digest_of(folder / MANIFEST)}")
    if result.stamp is not None:
        lines.append(f"stamped {result.stamp.at:%Y-%m-%dT%H:%M:%SZ} by {ascii(result.stamp.authority)[1:-1]}")
    lines.append(f"key     {key.fingerprint}{f' (retired {key.retired})' if key.retired else ''}")
    lines += ["", "checked      " + _CHECKED[0], *("             " + line for line in _CHECKED[1:])]
    unchecked = [line.format(clock="" if result.stamp else _CLOCK) for line in _UNCHECKED]
    lines += ["not checked  " + unchecked[0], *("             " + line for line in unchecked[1:])]
    return "\n".join(lines)

"""`tenantproof verify`: is a bundle of evidence, byte for byte, the one that was signed?"""

from __future__ import annotations

from pathlib import Path

import click

from tenantproof.cli import places
from tenantproof.evidence.keys import fingerprint, trusted_key
from tenantproof.evidence.manifest import latest_of
from tenantproof.evidence.verify import Verification, verify
from tenantproof.model.errors import UsageError


@click.command(name="verify")
@click.argument("bundle", type=click.Path(path_type=Path), default=places.EVIDENCE / "latest")
@click.option("--key", "key_file", type=click.Path(path_type=Path), help="Public key (PEM). Default: our own key's.")
def command(bundle: Path, key_file: Path | None) -> int:
    """Check that BUNDLE (default: evidence/latest) is what was signed, and that the chain before it holds.

    The key never comes from the bundle: it is the one named by --key, else that of the key this machine
    signs with.

    Exit codes: 0 nothing was changed, 1 something was, 2 no such bundle or no key to verify with.
    """
    folder = named_bundle(bundle)
    key = trusted_key(key_file)
    result = verify(folder, key)
    click.echo(_told(folder, result))
    click.echo(f"key     {fingerprint(key)}")
    return 0 if result.ok else 1


def named_bundle(path: Path) -> Path:
    """The folder that a path names, through evidence/latest in either of its forms. Raises UsageError."""
    if path.name == "latest" and not path.is_dir():
        path = latest_of(path.parent) or path
    if not path.is_dir():
        raise UsageError(f"{path} is no bundle; name the folder of a run, or make one: tenantproof run")
    return path.resolve()


def _told(folder: Path, result: Verification) -> str:
    lines = [f"{'VERIFIED' if result.ok else 'TAMPERED'}  {folder}"]
    lines += [f"problem {problem}" for problem in result.problems]
    lines += [f"note    {note}" for note in result.notes]
    if result.manifest is not None:
        lines.append(f"run     {ascii(result.manifest.run)[1:-1]}, ended {ascii(result.manifest.time)[1:-1]}")
        lines.append(f"files   {result.files} of {len(result.manifest.files)} as they were signed")
    return "\n".join(lines)

"""`tenantproof report`: draw the report of a bundle anew and compare it, byte for byte, with the one it holds."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from tenantproof.cli import places
from tenantproof.cli.past import record_of
from tenantproof.cli.pdf import pdf_of
from tenantproof.cli.verify import named_bundle
from tenantproof.evidence.bundle import write
from tenantproof.model.errors import UsageError
from tenantproof.model.run import RunRecord
from tenantproof.model.version import VERSION
from tenantproof.outputs.report import report_html


@click.command(name="report")
@click.argument("bundle", type=click.Path(path_type=Path), default=places.EVIDENCE / "latest")
@click.option("--output", type=click.Path(path_type=Path), help="Write the new drawing here, outside the bundle.")
@click.option(
    "--open", "opens", type=click.Choice(["yes", "no"]), default="no", show_default=True, help="In a browser."
)
@click.option("--pdf", type=click.Path(path_type=Path), help="Print it there too, tagged, with a browser that is here.")
def command(bundle: Path, output: Path | None, opens: str, pdf: Path | None) -> int:
    """Draw report.html of BUNDLE (default: evidence/latest) from its record.json, and compare.

    Exit codes: 0 the bundle's report says what its record says, 1 it differs, 2 wrong usage.
    """
    folder = named_bundle(bundle)
    record = record_of(folder)
    drawn = report_html(record).encode()
    if output is not None:
        _write_outside(folder, output, drawn)
    if pdf is not None:
        _write_outside(folder, pdf, pdf_of(_stored(folder / "report.html")))
    alike = _stored(folder / "report.html") == drawn
    click.echo(_told(folder, record, alike=alike))
    if opens == "yes":
        webbrowser.open((output or folder / "report.html").resolve().as_uri())
    return 0 if alike else 1


def _stored(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}; draw it elsewhere with --output FILE") from None


def _write_outside(folder: Path, output: Path, drawn: bytes) -> None:
    _refuse_inside(folder, output)
    try:
        write(output, drawn)
    except OSError as error:
        raise UsageError(f"{output} can't be written: {error.strerror}; name another place") from None


def _refuse_inside(folder: Path, output: Path) -> None:
    if output.resolve().is_relative_to(folder):
        raise UsageError(f"{output} lies in the bundle, and a new file would break its signature; name another place")


def _told(folder: Path, record: RunRecord, *, alike: bool) -> str:
    path = folder / "report.html"
    if alike:
        return f"{path} is, byte for byte, what record.json says"
    return (
        f"{path} differs from what record.json says: either a file was changed (see: tenantproof verify {folder}), "
        f"or it was drawn by another version ({record.harness!a}; this is {VERSION})"
    )

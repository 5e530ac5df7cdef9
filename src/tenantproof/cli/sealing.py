"""Puts a bundle's last files in place: the printed report, the signature, the time stamp."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click

from tenantproof.cli.pdf import pdf_of
from tenantproof.evidence.bundle import finish
from tenantproof.evidence.keys import signing_key
from tenantproof.evidence.timestamp import StampError, request_stamp
from tenantproof.model.errors import UsageError
from tenantproof.model.run import RunRecord


@dataclass(frozen=True)
class Sealing:
    """What a bundle is to bear. `timestamp` is the URL of the authority that stamps it, or empty."""

    is_printed: bool = False
    timestamp: str = ""

    def or_stamped_by(self, authority: str) -> Sealing:
        """The same, stamped by this authority where none was named."""
        return replace(self, timestamp=self.timestamp or authority)


def seal(folder: Path, record: RunRecord, files: Mapping[str, bytes], wanted: Sealing) -> list[str]:
    """Print the report where that is wanted, sign the bundle, let it be stamped; says what there is to complain of.

    Raises UsageError when the disk is full or the signing key can't be read.
    """
    troubles: list[str] = []
    whole = {**files, **(_printed(files["report.html"]) if wanted.is_printed else {})}
    finish(folder, record, whole, signing_key(), lambda manifest: _stamp(wanted.timestamp, manifest, troubles))
    return troubles


def _printed(page: bytes) -> dict[str, bytes]:
    """The report as a PDF, where a browser is here to print it; a bundle is complete without."""
    try:
        return {"report.pdf": pdf_of(page)}
    except UsageError as error:
        click.echo(f"tenantproof: the bundle holds no report.pdf: {error}", err=True)
        return {}


def _stamp(url: str, manifest: bytes, troubles: list[str]) -> bytes:
    """A time stamp over the manifest, where one was asked for; a bundle without it is better than none."""
    if not url:
        return b""
    try:
        return request_stamp(url, manifest)
    except StampError as error:
        troubles.append(f"The bundle is signed, and bears no time stamp: {error}")
        return b""

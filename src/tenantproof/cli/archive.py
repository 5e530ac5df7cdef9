"""`tenantproof archive`: keep a copy of a bundle where nobody can change it before its time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click
import msgspec

from tenantproof.cli import places
from tenantproof.cli.verify import named_bundle
from tenantproof.evidence.archive import Receipt, archive
from tenantproof.model.errors import UsageError
from tenantproof.model.evidence_profile import Archive
from tenantproof.model.profile_text import load


@click.command(name="archive")
@click.argument("bundle", type=click.Path(path_type=Path), default=places.EVIDENCE / "latest")
@click.option("--target", type=click.Path(path_type=Path), help="A profile whose [evidence.archive] says where.")
@click.option("--bucket", default="", help="A bucket with versioning and Object Lock.")
@click.option("--prefix", default="", help="What the names of its objects begin with.")
@click.option("--mode", type=click.Choice(["COMPLIANCE", "GOVERNANCE"]), help="COMPLIANCE unless said otherwise.")
@click.option("--days", type=click.IntRange(1, 36500), help="For how long; 365 unless said otherwise.")
@click.option("--region", default="", help="As AWS names it.")
@click.option("--endpoint", default="", help="For an S3 that is not AWS's.")
def command(
    bundle: Path,
    target: Path | None,
    bucket: str,
    prefix: str,
    mode: Literal["COMPLIANCE", "GOVERNANCE"] | None,
    days: int | None,
    region: str,
    endpoint: str,
) -> None:
    """Copy BUNDLE (default: evidence/latest) to S3 under Object Lock, and read every file and its lock back.

    Credentials are those that AWS tools find on this machine. The receipt, with the version of every object, is
    written beside the bundle. Once copied, a bundle can't be deleted before its days are over.
    """
    known = load(target).evidence.archive if target else None
    if known is None and not bucket:
        raise UsageError("name a --bucket, or a --target whose profile has the table [evidence.archive]")
    said = {"bucket": bucket, "prefix": prefix, "mode": mode, "days": days, "region": region, "endpoint": endpoint}
    chosen = {name: value for name, value in said.items() if value}
    place = msgspec.structs.replace(known or Archive(bucket=bucket), **chosen)
    click.echo(told(archive(named_bundle(bundle), place, datetime.now(UTC))))


def told(receipt: Receipt) -> str:
    """The receipt in a line."""
    mode, ends = receipt.files[0].mode, min(each.until for each in receipt.files)
    return f"kept: {len(receipt.files)} files in s3://{receipt.bucket}, read back, under {mode} until {ends}"

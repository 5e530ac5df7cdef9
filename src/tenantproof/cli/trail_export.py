"""`tenantproof trail export`: a tenant's audit trail as a file that can be verified anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click

from tenantproof.clients.target import Target
from tenantproof.clients.transparency.export import Preamble, write
from tenantproof.clients.transparency.notes import NoteError, unchecked
from tenantproof.model.errors import TargetError, UsageError
from tenantproof.model.profile_text import load
from tenantproof.probes.trail_log import TrailLog


@click.command(name="export")
@click.option("--target", "profile", type=click.Path(path_type=Path), required=True, help="Target profile (TOML).")
@click.option("--tenant", required=True, help="Whose trail.")
@click.option("--principal", default="reader", show_default=True, help="Which of the tenant's principals reads it.")
@click.option("--out", type=click.Path(path_type=Path), help="The file to write. Default: TENANT.trail.")
def export(profile: Path, tenant: str, principal: str, out: Path | None) -> int:
    """Write a tenant's trail, up to its signed head, to a file: `tenantproof trail verify` needs nothing else.

    The entries go into the file as the target shows them, whether or not they are right: that is for `verify` to say.

    Exit codes: 0 written, 2 the profile or the file is wrong, 3 the target did not give the trail.
    """
    path = out or Path(f"{tenant}.trail")
    with closing(Target(load(profile))) as target:
        target.identify()
        count = _export(TrailLog(target, tenant, principal=principal), target.tenant(tenant).trail_key, path)
    click.echo(f"{count} entries of the trail of {tenant} are in {path}")
    return 0


def _export(log: TrailLog, key: str, path: Path) -> int:
    first = log.ask("trail", {"limit": 1})
    receipt = first.answer.header("audit-receipt")
    head = log.head()
    if not head.note:
        raise TargetError(f"the trail's head can't be read: {head.trouble}")
    try:
        said = unchecked(head.note)
    except NoteError as error:
        raise TargetError(f"the trail's head can't be read: {error}") from None
    preamble = Preamble(said.origin, (key,) if key else (), (head.note,), (receipt,) if receipt else ())
    try:
        return write(path, preamble, _lines(log, said.size))
    except FileExistsError:
        raise UsageError(f"{path} is there already; name another file with --out") from None
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}") from None


def _lines(log: TrailLog, size: int) -> Iterator[bytes]:
    for entry in log.entries(until=size):
        yield entry.data
    if log.last is not None and log.last.trouble:
        raise TargetError(f"the trail can't be read to its head: {log.last.trouble}")

"""A run spread over a cluster: its shards run wherever there is a worker, and one bundle comes of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tenantproof.cli.engine import run_shards
from tenantproof.cli.merge import merge
from tenantproof.cli.sealing import Sealing
from tenantproof.cli.shards import read_shard
from tenantproof.evidence.keys import trusted_keys
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import Profile
from tenantproof.model.run import RunRecord


@dataclass(frozen=True)
class Spread:
    """What to run where: shards with these arguments on the engine, merged into the evidence."""

    engine: str
    shards: int
    arguments: Sequence[str]
    evidence: Path
    checks: Path
    sealing: Sealing


def spread(wanted: Spread, profile: Profile | None, note: Callable[[str], None]) -> tuple[RunRecord, Path]:
    """Run the shards on the engine and merge what came back. Raises UsageError, also when no shard came to its end.

    A deployment that may be written to is refused: shards side by side would take each other's writes for leaks.
    Without a profile each shard boots a deployment of its own.
    """
    if profile is not None and profile.safety.allow_writes:
        raise UsageError(
            "shards that run side by side would take each other's writes for leaks; set safety.allow_writes = false in "
            "the profile, or leave --target out, so that each boots a deployment of its own"
        )
    with tempfile.TemporaryDirectory() as folder:
        bundles, keys = run_shards(wanted.engine, wanted.arguments, wanted.shards, Path(folder), note)
        parts = [read_shard(bundle, trusted_keys([key])) for bundle, key in zip(bundles, keys, strict=True)]
        stamped = wanted.sealing.or_stamped_by(profile.evidence.timestamp if profile else "")
        return merge(parts, wanted.evidence, wanted.checks, stamped)

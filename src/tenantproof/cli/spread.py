"""A run spread over a cluster: its shards run wherever there is a worker, and one bundle comes of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tenantproof.cli.engine import run_shards
from tenantproof.cli.merge import merge
from tenantproof.cli.shards import read_shard
from tenantproof.evidence.keys import trusted_keys
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import Profile
from tenantproof.model.run import RunRecord


def spread(
    engine: str,
    arguments: Sequence[str],
    shards: int,
    evidence: Path,
    checks: Path,
    profile: Profile | None,
    note: Callable[[str], None],
) -> tuple[RunRecord, Path]:
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
        bundles, keys = run_shards(engine, arguments, shards, Path(folder), note)
        parts = [read_shard(bundle, trusted_keys([key])) for bundle, key in zip(bundles, keys, strict=True)]
        return merge(parts, evidence, checks)

"""Runs the shards of a run on the workers of a Dask cluster, each in a process of its own, and brings back bundles."""

from __future__ import annotations

import ctypes
import io
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tenantproof.evidence.keys import public_pem, trusted_key
from tenantproof.model.errors import UsageError

_RETRIES = 2
"""How often a shard that failed is tried again; one whose worker died is rerun by the cluster, and not counted."""
_ENDS = frozenset({0, 1, 3})
"""Exit codes of a run that left a bundle."""


@dataclass(frozen=True)
class Part:
    """The bundle of a shard, on its way: a tar archive, and the public key of the machine that signed it."""

    archive: bytes
    key: str


def run_shards(
    engine: str, arguments: Sequence[str], shards: int, folder: Path, note: Callable[[str], None]
) -> tuple[list[Path], list[Path]]:
    """Run `tenantproof run ARGUMENTS --shard I/N` for every I on the cluster that `engine` names.

    Returns the bundles of those that came to their end, and the public keys that they were signed with. Raises
    UsageError when there is no such cluster.
    """
    bundles, keys = [], []
    with _cluster(engine) as client:
        from distributed import as_completed

        names = {
            client.submit(
                make_part, tuple(arguments), number, shards, key=f"shard-{number}-of-{shards}", retries=_RETRIES
            ): number
            for number in range(1, shards + 1)
        }
        for future in as_completed(names):  # type: ignore[no-untyped-call]  # distributed is half typed
            number = names[future]
            if future.status != "finished":
                note(f"shard {number} of {shards} failed: {future.exception()}")
                continue
            bundle, key = _unpack(future.result(), folder, number)
            bundles.append(bundle)
            keys.append(key)
            note(f"shard {number} of {shards} is done")
    return bundles, keys


def make_part(arguments: Sequence[str], number: int, shards: int) -> Part:
    """On a worker: run one shard and pack its bundle. Raises RuntimeError when it left none."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tenantproof", "run", *arguments]
        command += ["--shard", f"{number}/{shards}", "--evidence", folder, "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=_die_with_parent)  # noqa: S603  # our own
        latest = Path(folder) / "latest"
        if done.returncode not in _ENDS or not latest.exists():
            raise RuntimeError(f"exit {done.returncode}: {done.stderr[-500:]}")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            tar.add(latest.resolve(), arcname=latest.resolve().name)
        return Part(packed.getvalue(), public_pem(trusted_key(None)))


def _unpack(part: Part, folder: Path, number: int) -> tuple[Path, Path]:
    place = folder / f"shard-{number}"
    place.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(part.archive)) as tar:
        tar.extractall(place, filter="data")
    (bundle,) = place.iterdir()
    key = folder / f"shard-{number}.pem"
    key.write_text(part.key)
    return bundle, key


@contextmanager
def _cluster(engine: str) -> Iterator[Any]:  # Any: distributed gives no types
    parts = urlsplit(engine)
    if parts.scheme != "dask" or not parts.netloc:
        raise UsageError(f"--engine {engine} is none that we know; name a scheduler: dask://HOST:PORT")
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("--engine dask:// needs Dask; install it: pip install 'tenantproof[dask]'") from None
    try:
        client = Client(f"tcp://{parts.netloc}", timeout=20)  # type: ignore[no-untyped-call]  # as above
    except OSError as error:
        raise UsageError(f"no Dask scheduler answers at {parts.netloc}: {error}; start one: dask scheduler") from None
    with client:
        yield client


def _die_with_parent() -> None:
    """A shard whose worker is killed ends with it, or it would go on attacking while it is rerun elsewhere."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() == 1:
            os._exit(1)

"""trail.verify: seconds to audit an export of 10^6 entries against its signed head, and the memory that it takes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.figure import Figure
from tenantproof.clients.transparency.export import Preamble, write
from tenantproof.clients.transparency.merkle import Frontier
from tests.transparency.growing import ORIGIN, key_text, note_of

COUNT = 1_000_000
"""Entries of about 400 bytes."""
WIDE = 200_000
"""Entries of 1.4 kB, as the reference deployment writes them."""
_SPELLED = msgspec.json.Encoder(order="sorted").encode
_KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def measure() -> dict[str, Figure]:
    """Write an export, then verify it as anybody would: with the command, in a process of its own."""
    seconds, memory = _verified(COUNT, padding=0)
    wide, _ = _verified(WIDE, padding=1_000)
    return {
        "trail.verify": Figure(seconds, "s"),
        "trail.verify_memory": Figure(memory, "GB"),
        "trail.verify_wide": Figure(WIDE / wide, "1/s"),
    }


def _verified(count: int, *, padding: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        path, bare = Path(folder) / "bench.trail", Path(folder) / "bare.trail"
        tree = Frontier()
        write(bare, Preamble(ORIGIN), _grown(count, tree, padding))
        head = note_of(count, tree.root(), signer=_KEY)
        _headed(bare, path, head)
        bare.unlink()
        command = [sys.executable, "-m", "tenantproof", "trail", "verify", str(path), "--key", key_text(_KEY)]
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", _TIMED, *command], capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
        if done.returncode:
            raise RuntimeError(f"the export of {count} entries was not found whole:\n{done.stdout}{done.stderr}")
    return seconds, float(done.stderr.split()[-1]) / 1024**2


# The peak of the largest process of those that verified; all of them work on stretches of one size.
_TIMED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def _headed(bare: Path, path: Path, head: str) -> None:
    """The same export with the signed head in its place, which is known only once the entries are."""
    with bare.open("rb") as source, path.open("wb") as copy:
        for _ in range(2):
            copy.write(source.readline())
        copy.write(b"head " + msgspec.json.encode(head) + b"\n")
        while block := source.read(1 << 20):
            copy.write(block)


def _grown(count: int, tree: Frontier, padding: int) -> Iterator[bytes]:
    before = "0" * 64
    for seq in range(count):
        at = _at(seq)
        entry = _SPELLED(
            {
                "actor": {"id": f"person-{seq % 97}", "type": "tenant"},
                "decision": {"outcome": "allow", "reason": None, "rule": None},
                "log": ORIGIN,
                "padding": "x" * padding,
                "prev_hash": before,
                "request": {"method": "GET", "route_template": "/v1/tenants/{tenant_id}/attributions/{id}"},
                "result": {"http_status": 200, "rows": 1},
                "seq": seq,
                "ts_event": at,
                "ts_logged": at,
            }
        )
        leaf = hashlib.sha256(b"\x00" + entry).digest()
        tree.append(leaf)
        before = leaf.hex()
        yield entry


def _at(seq: int) -> str:
    day, rest = divmod(seq, 86_400)
    return f"2026-03-{1 + day:02}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}+00:00"

"""isolation.*: what the whole main job takes: wall, CPU and the most memory of all its processes, the parts included.

Whatever is there is measured: with a broker at hand event streams are part of it. `ISOLATION_ONLY=KE,AG` measures the
job for these claims alone, which is no figure to publish.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.processes import cpu_seconds, gigabytes

ONLY = os.environ.get("ISOLATION_ONLY", "")
_LOOK_SECONDS = 1.0
_PATIENCE_SECONDS = 1800.0
_CONCLUDED = frozenset({0, 1, 3})
"""Exit codes of a run that came to its end, whatever it found; a wrong use is 2."""


def measure() -> dict[str, Figure]:
    """Run it once, as `nox -s isolation` does, with its evidence in a place that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="isolation-") as evidence:
        command = [sys.executable, "-m", "tenantproof", "run", "--quiet", "--evidence", evidence]
        command += ["--only", ONLY] if ONLY else []
        said = Path(evidence) / "said"
        started = time.perf_counter()
        with said.open("w") as errors:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        cpu, memory = _watched(process, started)
        wall = time.perf_counter() - started
        if process.returncode not in _CONCLUDED:
            raise RuntimeError(f"the main job ended with {process.returncode}: {said.read_text().strip()[-500:]}")
    return {
        "isolation.wall": Figure(wall, "s"),
        "isolation.cpu": Figure(cpu, "s"),
        "isolation.memory": Figure(memory, "GB"),
    }


def _watched(process: subprocess.Popen[bytes], started: float) -> tuple[float, float]:
    """CPU seconds and the most memory, as seen while it ran; what it does in its last moment is not seen."""
    cpu = memory = 0.0
    while process.poll() is None:
        if time.perf_counter() - started > _PATIENCE_SECONDS:
            process.kill()
        cpu, memory = max(cpu, cpu_seconds(process.pid)), max(memory, gigabytes(process.pid))
        time.sleep(_LOOK_SECONDS)
    return cpu, memory

"""boot.*: how long a deployment takes to come up, what memory its processes hold then, and what it does when idle.

`BOOT_TENANTS=50 python -m benchmarks boot` measures a larger one.
"""

from __future__ import annotations

import os
import time

from benchmarks.figure import Figure
from benchmarks.processes import cpu_seconds, family, gigabytes
from benchmarks.venturi_up import Running, venturi_up

TENANTS = int(os.environ.get("BOOT_TENANTS", "5"))
_IDLE_SECONDS = 5.0


def measure() -> dict[str, Figure]:
    """Boot without event streams and with them; without a broker to be had the second is left out."""
    with venturi_up("--tenants", str(TENANTS), "--no-streams") as bare:
        figures = {
            "boot.seconds": Figure(bare.seconds, "s"),
            "boot.cpu": Figure(cpu_seconds(bare.pid), "s"),
            "boot.memory": Figure(gigabytes(bare.pid), "GB"),
            "boot.idle": Figure(_idle(bare), "s"),
        }
    with venturi_up("--tenants", str(TENANTS)) as whole:
        if "[kafka]" in whole.profile:
            figures["boot.streams.seconds"] = Figure(whole.seconds, "s")
            figures["boot.streams.memory"] = Figure(gigabytes(whole.pid), "GB")
            figures["boot.streams.idle"] = Figure(_idle(whole), "s")
    return figures


def _idle(running: Running) -> float:
    """CPU seconds that all processes use in a second in which nobody asks anything."""
    before = cpu_seconds(running.pid)
    time.sleep(_IDLE_SECONDS)
    assert running.pid in family(running.pid)
    return (cpu_seconds(running.pid) - before) / _IDLE_SECONDS

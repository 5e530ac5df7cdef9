"""Reads from /proc what a process and its descendants use."""

from __future__ import annotations

import os
import re
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def family(root: int) -> list[int]:
    """The process and all its living descendants, which here keep their parent whatever session they lead."""
    parents = {pid: parent for pid, (parent, _) in _stats().items()}
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def gigabytes(root: int) -> float:
    """Memory of the family in GB, shared pages counted once (PSS)."""
    return sum(_pss(pid) for pid in family(root)) / 1024**2


def cpu_seconds(root: int) -> float:
    """CPU that the family has used, with that of children that have ended, in seconds."""
    stats = _stats()
    return sum(stats[pid][1] for pid in family(root) if pid in stats)


def _pss(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:  # gone meanwhile
        return 0
    found = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _stats() -> dict[int, tuple[int, float]]:
    """Parent and CPU seconds of every process (proc(5), /proc/pid/stat: fields 4 and 14 to 17)."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # gone meanwhile
            continue
        found[int(path.parent.name)] = int(fields[1]), sum(int(ticks) for ticks in fields[11:15]) / _TICKS
    return found

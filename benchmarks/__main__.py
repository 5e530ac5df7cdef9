"""`python -m benchmarks [NAME…]`: runs the benchmarks whose names begin so, prints and writes their figures."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
import time
from dataclasses import asdict
from pathlib import Path

import benchmarks
from benchmarks.figure import Figure

EVIDENCE = Path("evidence") / "bench.json"


def main(chosen: list[str]) -> int:
    """Run; 0, or 2 when a name fits no benchmark."""
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name.startswith("bench_")]
    known = {name.removeprefix("bench_"): name for name in names}
    if strangers := [name for name in chosen if not any(area.startswith(name) for area in known)]:
        print(f"bench: nothing is called {', '.join(strangers)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    figures: dict[str, Figure] = {}
    for area, module in known.items():
        if chosen and not any(area.startswith(name) for name in chosen):
            continue
        started = time.perf_counter()
        figures |= importlib.import_module(f"benchmarks.{module}").measure()
        print(f"bench: {area} took {time.perf_counter() - started:.0f} s", file=sys.stderr)
    for name, figure in figures.items():
        print(_line(name, figure))
    _write(figures)
    return 0


def _line(name: str, figure: Figure) -> str:
    ratio = f"  {figure.ratio:.3g} of {figure.ratio_to}" if figure.ratio_to else ""
    return f"{name:<20} {figure.value:>12.4g} {figure.unit:<4}{ratio}"


def _write(figures: dict[str, Figure]) -> None:
    """Figures that were not taken this time stay as they were."""
    try:
        known = json.loads(EVIDENCE.read_text())
    except (OSError, ValueError):
        known = {}
    known |= {name: asdict(figure) for name, figure in figures.items()}
    EVIDENCE.parent.mkdir(exist_ok=True)
    EVIDENCE.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

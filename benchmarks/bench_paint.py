"""report.paint: from opening the newest report to the first text on the screen; report.main_size: its megabytes."""

from __future__ import annotations

import shutil
import statistics
from pathlib import Path

from benchmarks.figure import Figure

_RUNS = 5
_PAINT = """() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0"""


def measure() -> dict[str, Figure]:
    """Open the report of the newest run in evidence/, which the main job leaves; nothing where there is none."""
    from playwright.sync_api import sync_playwright

    page, browser = Path("evidence/latest/report.html"), shutil.which("chromium")
    if not page.is_file() or browser is None:
        print("bench: paint needs evidence/latest/report.html (run the main job) and chromium")
        return {}
    taken = []
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for _ in range(_RUNS):
            visit = made.new_page()
            visit.goto(page.resolve().as_uri())
            visit.wait_for_function(f"({_PAINT})() > 0")
            taken.append(float(visit.evaluate(_PAINT)) / 1000)
            visit.close()
        made.close()
    size = page.stat().st_size / 1e6
    return {"report.paint": Figure(statistics.median(taken), "s"), "report.main_size": Figure(size, "MB")}

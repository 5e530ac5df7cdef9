"""A report of the main job's size is small enough to mail, and is on the screen at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tenantproof.model.run import ClaimResult, RunRecord
from tests.outputs.run_samples import drawn, entry, failed, held, record
from tests.outputs.test_report_in_a_browser import Visit, browser, pytestmark  # noqa: F401  # a fixture and a mark

CLAIMS, SAMPLES, CALIBRATIONS, REPLAY = 34, 12, 4, 900
"""What the main job has, and the octets of a long request."""
PAINT = """() => new Promise(resolve => {
  const known = performance.getEntriesByName("first-contentful-paint");
  if (known.length) return resolve(known[0].startTime);
  new PerformanceObserver(list => {
    for (const each of list.getEntriesByName("first-contentful-paint")) resolve(each.startTime);
  }).observe({ type: "paint", buffered: true });
})"""
"""Milliseconds from the start of the visit to the first text on the screen."""


def of_the_main_job() -> RunRecord:
    """A record with as much in it as a run of every claim leaves."""
    return replace(record(), claims=tuple(_claim(number) for number in range(CLAIMS)))


def _claim(number: int) -> ClaimResult:
    made = failed() if number == 0 else held()
    seen = entry(number)
    seen = replace(seen, observation=replace(seen.observation, replay="GET / HTTP/1.1\n" + "x" * REPLAY))
    return replace(
        made,
        claim=replace(made.claim, id=f"QA-{number}"),
        calibrations=(seen,) * CALIBRATIONS,
        samples=(seen,) * SAMPLES,
    )


def test_a_report_of_the_main_jobs_size_is_painted_at_once(browser: Any, tmp_path: Path) -> None:  # noqa: F811  # the fixture
    page = drawn(of_the_main_job())
    assert 0.4e6 < len(page) < 1.5e6
    path = tmp_path / "report.html"
    path.write_bytes(page)
    with Visit(browser, path) as visit:
        painted = visit.page.evaluate(PAINT)
    # A second on a quiet machine (`python -m benchmarks paint`); this one may be busy.
    assert 0 < painted < 10_000

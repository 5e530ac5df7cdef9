"""The picture in the README is a screenshot of the report that the tests draw; TENANTPROOF_APPROVE=1 takes it anew."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

from tests.outputs.run_samples import drawn, record
from tests.outputs.test_report_in_a_browser import Visit, browser, pytestmark  # noqa: F401  # a fixture and a mark

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "images" / "report.png"
WIDTH, HEIGHT = 1200, 1000


def test_the_readmes_picture_is_the_report(browser: Any, tmp_path: Path) -> None:  # noqa: F811  # the fixture
    page = tmp_path / "report.html"
    page.write_bytes(drawn(record()))
    with Visit(browser, page, viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light") as visit:
        taken = visit.page.screenshot()
    if os.environ.get("TENANTPROOF_APPROVE"):
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_bytes(taken)
    assert _size(taken) == _size(PICTURE.read_bytes()) == (WIDTH, HEIGHT)
    assert "docs/images/report.png" in (ROOT / "README.md").read_text()


def _size(png: bytes) -> tuple[int, int]:
    """Width and height out of a PNG's first chunk."""
    width, height = struct.unpack(">II", png[16:24])
    return width, height

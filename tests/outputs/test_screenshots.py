"""The picture in the README is a screenshot of the report that the tests draw; TENANTPROOF_APPROVE=1 takes it anew."""

from __future__ import annotations

import base64
import os
import struct
from pathlib import Path
from typing import Any

from tests.outputs.run_samples import drawn, record
from tests.outputs.test_report_in_a_browser import Visit, browser, pytestmark  # noqa: F401  # a fixture and a mark

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "images" / "report.png"
WIDTH, HEIGHT = 1200, 1000


DIFFERING = """async ([one, other]) => {
  const pixels = async url => {
    const image = new Image(); image.src = url; await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height).data;
  };
  const [a, b] = [await pixels(one), await pixels(other)];
  let found = 0;
  for (let at = 0; at < a.length; at += 4) found += Math.abs(a[at] - b[at]) + Math.abs(a[at + 1] - b[at + 1]) > 96;
  return found / (a.length / 4);
}"""
"""The share of pixels that differ by more than another version of a font makes them."""


def test_the_readmes_picture_is_the_report(browser: Any, tmp_path: Path) -> None:  # noqa: F811  # the fixture
    page = tmp_path / "report.html"
    page.write_bytes(drawn(record()))
    with Visit(browser, page, viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light") as visit:
        taken = visit.page.screenshot()
        if os.environ.get("TENANTPROOF_APPROVE"):
            PICTURE.parent.mkdir(exist_ok=True)
            PICTURE.write_bytes(taken)
        differing = visit.context.new_page().evaluate(DIFFERING, [_url(taken), _url(PICTURE.read_bytes())])
    assert differing < 0.05, "the picture is of an older report; look at it, and take it anew: TENANTPROOF_APPROVE=1"
    assert _size(taken) == _size(PICTURE.read_bytes()) == (WIDTH, HEIGHT)
    assert "docs/images/report.png" in (ROOT / "README.md").read_text()


def _url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _size(png: bytes) -> tuple[int, int]:
    """Width and height out of a PNG's first chunk."""
    width, height = struct.unpack(">II", png[16:24])
    return width, height

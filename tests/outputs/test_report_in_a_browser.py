"""The report in a real browser: nothing of the target's runs, nothing is fetched, everything can be read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.outputs.run_samples import IMAGE, drawn, hostile, record

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # As root chromium starts only without its sandbox; it opens our own file, off the network.
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


class Visit:
    """A page, and whatever it tried beyond being read."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(offline=True, **options)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.events: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", self._dismiss)
        self.page.on("console", lambda message: self.events.append(message.text))
        self.page.on("pageerror", lambda error: self.events.append(str(error)))
        self.page.goto(path.as_uri())

    def _dismiss(self, dialog: Any) -> None:
        self.events.append(dialog.message)
        dialog.dismiss()

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.fixture(params=["ordinary", "hostile"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = tmp_path / "report.html"
    made.write_bytes(drawn(record() if request.param == "ordinary" else hostile()))
    return made


@pytest.fixture
def hostile_path(tmp_path: Path) -> Path:
    made = tmp_path / "report.html"
    made.write_bytes(drawn(hostile()))
    return made


def test_a_tenant_named_like_an_attack_runs_nothing(browser: Any, hostile_path: Path) -> None:
    with Visit(browser, hostile_path) as visit:
        for element in visit.page.query_selector_all("h1, h3, td, dd")[:40]:
            element.dispatch_event("mouseover")
        visit.page.wait_for_timeout(200)
        assert visit.page.evaluate("window.ran") is None
        assert visit.events == []
        assert visit.requests == [hostile_path.as_uri()]
        assert visit.page.query_selector_all("img, script, iframe") == []
        cells = visit.page.locator("#appendix ~ div td").all_inner_texts()
        assert IMAGE in cells


def test_the_attack_would_have_run_on_a_page_that_does_not_escape(browser: Any, tmp_path: Path) -> None:
    # Without this, a browser that runs nothing at all would pass the test above.
    naive = tmp_path / "naive.html"
    naive.write_text(f"<!DOCTYPE html><body>{IMAGE}</body>")
    with Visit(browser, naive) as visit:
        visit.page.wait_for_function("window.ran === 1")
        assert "ran" in visit.events


def test_it_reads_without_script_and_in_its_own_style(browser: Any, path: Path) -> None:
    with Visit(browser, path, java_script_enabled=False) as visit:
        text = visit.page.locator("body").inner_text()
        assert "Reviewer questions" in text
        assert "QA-1" in text
        assert visit.events == []
    with Visit(browser, path) as visit:
        # The policy lets the one stylesheet through: its width is at work.
        assert visit.page.evaluate("getComputedStyle(document.body).maxWidth") != "none"
        assert visit.events == []


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_runs_out_of_the_window(browser: Any, path: Path, width: int) -> None:
    with Visit(browser, path, viewport={"width": width, "height": 800}) as visit:
        wide = visit.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_paper(browser: Any, path: Path, scheme: str) -> None:
    with Visit(browser, path, color_scheme=scheme) as visit:
        ratios = visit.page.evaluate(CONTRAST)
        assert ratios
        assert min(ratios) >= 4.5, "WCAG 2.2, 1.4.3 wants 4.5 to 1"


def test_the_keyboard_reaches_the_result_first(browser: Any, path: Path) -> None:
    with Visit(browser, path) as visit:
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the result"
        visit.page.keyboard.press("Enter")
        assert visit.page.evaluate("location.hash") == "#main"


def test_it_prints(browser: Any, path: Path, tmp_path: Path) -> None:
    with Visit(browser, path) as visit:
        visit.page.emulate_media(media="print")
        assert not visit.page.locator("nav").is_visible()
        printed = visit.page.pdf(format="A4")
    assert printed.startswith(b"%PDF-")
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") + printed.count(b"/Type /Page/") >= 4


# Relative luminance and contrast as WCAG 2.2 defines them, over every element that holds text of its own.
CONTRAST = """() => {
  const part = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = c => 0.2126 * part(c[0]) + 0.7152 * part(c[1]) + 0.0722 * part(c[2]);
  const numbers = text => text.match(/[\\d.]+/g).map(Number);
  const paper = e => { for (; e; e = e.parentElement) {
    const c = numbers(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] === 1) return c; }
    return [255, 255, 255]; };
  return [...document.querySelectorAll('body *')]
    .filter(e => !e.closest('svg') && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .map(e => { const a = light(numbers(getComputedStyle(e).color)), b = light(paper(e));
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); });
}"""

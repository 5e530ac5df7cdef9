"""The report in a real browser: nothing of the target's runs, nothing is fetched, everything can be read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.outputs.run_samples import IMAGE, drawn, held, hostile, record

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
        assert visit.page.query_selector_all("img, iframe") == []
        assert len(visit.page.query_selector_all("script")) == 1
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
        assert "For the auditor" in text
        assert "QA-1" in text
        assert visit.events == []
    with Visit(browser, path) as visit:
        # The policy lets the one stylesheet and the one script through.
        assert visit.page.evaluate("getComputedStyle(document.querySelector('nav.bar')).position") == "sticky"
        assert visit.page.locator("#filter").is_visible()
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


@pytest.mark.parametrize(("path", "scheme"), [("ordinary", "dark"), ("hostile", "light")], indirect=["path"])
def test_axe_finds_nothing_against_wcag_2_2_aa(browser: Any, path: Path, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    # Our own policy keeps axe out as it should; the context is told to let this one script in.
    with Visit(browser, path, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce") as visit:
        visit.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
        found = Axe().run(visit.page, options=rules)
        assert found.violations_count == 0, found.generate_report()


def test_a_word_and_a_verdict_narrow_the_claims_and_a_link_still_leads_there(browser: Any, path: Path) -> None:
    with Visit(browser, path) as visit:
        shown = visit.page.locator("section.claim:visible")
        assert shown.count() == 4
        visit.page.get_by_label("Search claims").fill("ke-3")
        assert shown.evaluate_all("all => all.map(each => each.id)") == ["claim-KE-3"]
        visit.page.get_by_label("Search claims").fill("")
        visit.page.locator("#show-satisfied").uncheck()
        assert shown.count() == 3
        visit.page.locator("a[href='#claim-QA-1']").first.click()
        visit.page.wait_for_function("document.querySelectorAll('section.claim:not([hidden])').length === 4")


def test_the_first_paint_of_a_large_report_takes_less_than_a_second(browser: Any, tmp_path: Path) -> None:
    many = tuple(replace(held(), claim=replace(held().claim, id=f"QA-{n}")) for n in range(150))
    large = tmp_path / "report.html"
    large.write_bytes(drawn(replace(record(), claims=many)))
    with Visit(browser, large) as visit:
        visit.page.wait_for_function("performance.getEntriesByType('paint').length > 0")
        painted = visit.page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    # Milliseconds; a quiet machine needs 200, and a loaded one is given ten times what we promise.
    assert painted < 10_000


def test_the_keyboard_reaches_the_result_first(browser: Any, path: Path) -> None:
    with Visit(browser, path) as visit:
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the result"
        visit.page.keyboard.press("Enter")
        assert visit.page.evaluate("location.hash") == "#main"


def test_it_prints(browser: Any, path: Path, tmp_path: Path) -> None:
    with Visit(browser, path) as visit:
        visit.page.emulate_media(media="print")
        assert not visit.page.locator("nav.bar").is_visible()
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
    .filter(e => !e.closest('svg, script') && e.checkVisibility())
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .map(e => { const a = light(numbers(getComputedStyle(e).color)), b = light(paper(e));
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); });
}"""

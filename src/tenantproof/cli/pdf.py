"""Prints a report as a tagged PDF, with a browser that is on this machine."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tenantproof.model.errors import UsageError

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "microsoft-edge")
_SECONDS = 180


def print_pdf(page: Path, output: Path) -> None:
    """Print a page of ours to `output`. Raises UsageError when there is no browser, or it can't.

    The browser runs off the network, with a profile of its own that is gone afterwards. Chromium tags what it prints
    (PDF structure tree), so that a screen reader finds headings and tables.
    """
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise UsageError(f"a PDF needs a browser, and none of {', '.join(_BROWSERS)} is here; print report.html")
    with tempfile.TemporaryDirectory() as profile:
        made = Path(profile) / "report.pdf"
        command = [browser, "--headless", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={profile}"]
        # As root chromium starts only without its sandbox; it opens our own page, whose policy lets nothing in.
        command += ["--no-sandbox", "--proxy-server=127.0.0.1:9", f"--print-to-pdf={made}", page.resolve().as_uri()]
        try:
            subprocess.run(command, capture_output=True, timeout=_SECONDS, check=True)  # noqa: S603  # a browser
            shutil.copyfile(made, output)
        except (OSError, subprocess.SubprocessError) as error:
            raise UsageError(f"{browser} did not print {page}: {error}; print it from a browser by hand") from None

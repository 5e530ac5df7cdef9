"""Prints a report as a tagged PDF, with a browser that is on this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from tenantproof.model.errors import UsageError

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "microsoft-edge")
_SECONDS = 120


def pdf_of(page: bytes) -> bytes:
    """A report of ours, printed. Raises UsageError when there is no browser, or it can't.

    The browser runs off the network, with a profile of its own that is gone afterwards. Chromium tags what it prints
    (PDF structure tree), so that a screen reader finds headings and tables, and headings become bookmarks.
    """
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise UsageError(f"a PDF needs a browser, and none of {', '.join(_BROWSERS)} is here; print report.html")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "report.html").write_bytes(page)
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--no-pdf-header-footer",
            f"--user-data-dir={folder / 'own'}",
        ]
        command += ["--export-tagged-pdf", "--generate-pdf-document-outline", "--proxy-server=127.0.0.1:9"]
        # As root chromium starts only without its sandbox; it opens our own page, whose policy lets nothing in.
        command += ["--no-sandbox", f"--print-to-pdf={folder / 'report.pdf'}", (folder / "report.html").as_uri()]
        try:
            _run(command)
            return (folder / "report.pdf").read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise UsageError(f"{browser} did not print the report: {error}; print it from a browser by hand") from None


def _run(command: list[str]) -> None:
    """Run a browser to its end; where it has none, it goes with all the processes that it started."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True) as process:  # noqa: S603  # ours
        try:
            code = process.wait(_SECONDS)
        except BaseException:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    if code:
        raise subprocess.CalledProcessError(code, command[0])

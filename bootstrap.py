#!/usr/bin/env python3
"""Sets the project up and runs a nox session: `python3 bootstrap.py isolation`.

Needs Python 3.11 or later and pip, nothing else. The first run fetches uv and the locked packages into this
directory; later runs see that nothing changed and start at once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UV_VERSION = "0.13.9"
ROOT = Path(__file__).resolve().parent
TOOLS = ROOT / ".bootstrap"
VENV = ROOT / ".venv"
# What the README's test command runs; CI runs the same list.
EVERYTHING = ("lint", "tests", "isolation", "sensitivity", "fuzz")


class SetupError(RuntimeError):
    """Setting up failed; the message says what to do about it."""


def main(arguments: list[str]) -> int:
    """Run the named nox sessions (`all`: every session that CI runs); without a name, list them."""
    if sys.version_info < (3, 11):  # noqa: UP036  # an old python runs this file first
        print("bootstrap: Python 3.11 or later is needed; this is " + sys.version.split()[0], file=sys.stderr)
        return 2
    names, extra = _split(arguments)
    if names == ["all"]:
        names = list(EVERYTHING)
    try:
        python = ready()
    except SetupError as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 2
    choice = ["--session", *names] if names else ["--list"]
    command = [str(python), "-m", "nox", *choice, *(["--", *extra] if extra else [])]
    return subprocess.call(command, cwd=ROOT, env=_writing_bytecode())


def ready() -> Path:
    """The interpreter of an environment that holds exactly what the lock file names.

    Raises SetupError when pip or uv fails.
    """
    with _alone():
        stamp = VENV / ".synced"
        wanted = _fingerprint()
        if not stamp.is_file() or stamp.read_text() != wanted or not _interpreter().exists():
            print("bootstrap: setting up the locked environment in .venv", file=sys.stderr)
            _sync()
            stamp.write_text(wanted)
    return _interpreter()


def _writing_bytecode() -> dict[str, str]:
    """Our environment, in which the modules of this project, too, are compiled once and not for every process."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        return arguments, []
    cut = arguments.index("--")
    return arguments[:cut], arguments[cut + 1 :]


def _interpreter() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _fingerprint() -> str:
    digest = hashlib.sha256(f"{UV_VERSION} {ROOT} compiled ".encode())
    for name in ("pyproject.toml", "uv.lock"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def _sync() -> None:
    environment = {
        **os.environ,
        "UV_PROJECT_ENVIRONMENT": str(VENV),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        # Where Python is told to write no bytecode, every process would compile every module it imports, each time.
        "UV_COMPILE_BYTECODE": "1",
    }
    environment.pop("VIRTUAL_ENV", None)
    if not os.access(Path.home(), os.W_OK):
        environment.setdefault("UV_CACHE_DIR", str(TOOLS / "uv-cache"))
    existing = ["--python", str(_interpreter())] if _interpreter().exists() else ["--python", sys.executable]
    # A Java of the machine's own spares a download of 60 MB.
    java = ["--no-extra", "java"] if _has_java() else []
    command = [str(_uv()), "sync", "--locked", "--all-extras", *java, "--no-extra", "spark", "--quiet", *existing]
    _run(command, environment, "uv could not install the locked packages; its message is above")
    compiling = [str(_interpreter()), "-m", "compileall", "-q", "src"]
    _run(compiling, environment, "src could not be compiled; the message above names the file")


def _has_java() -> bool:
    """Whether the machine has a Java that Apache Kafka runs on."""
    java = shutil.which("java")
    if java is None:
        return False
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    return version is not None and int(version[1]) >= 17


def _uv() -> Path:
    """The uv version that wrote the lock file, fetched once with pip."""
    home = TOOLS / f"uv-{UV_VERSION}"
    binary = home / "bin" / ("uv.exe" if os.name == "nt" else "uv")
    if not binary.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--target", str(home), f"uv=={UV_VERSION}"]
        _run(command, dict(os.environ), "pip could not install uv; `python3 -m pip --version` must work")
    return binary


def _run(command: list[str], environment: dict[str, str], failure: str) -> None:
    if subprocess.call(command, cwd=ROOT, env=environment) != 0:
        raise SetupError(failure)


@contextmanager
def _alone() -> Iterator[None]:
    """Two sessions at once must not write one environment."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "lock").open("w") as handle:
        if os.name != "nt":
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What the harness is, byte for byte: two runs with one digest asked the same questions in the same way."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import tenantproof
from tenantproof.model.version import VERSION

_PARTS = ("boto3", "cryptography", "h11", "hypothesis", "jinja2", "msgspec", "pyjwt", "pytest", "schemathesis")


def digest(checks: Path) -> str:
    """`sha256:` over the name and content of every source file of the harness, of every check and of every card."""
    total = hashlib.sha256()
    for name, path in _files(checks):
        total.update(f"{name}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return "sha256:" + total.hexdigest()


def versions() -> dict[str, str]:
    """Name to version of what evidence is made with, as far as it is installed."""
    found = {"python": platform.python_version(), "tenantproof": VERSION}
    for name in _PARTS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _files(checks: Path) -> Iterator[tuple[str, Path]]:
    package = Path(tenantproof.__file__).parent
    for path in sorted(package.rglob("*.py")):
        yield f"tenantproof/{path.relative_to(package).as_posix()}", path
    for path in sorted(path for path in checks.iterdir() if path.suffix in {".py", ".toml"}):
        yield f"checks/{path.name}", path

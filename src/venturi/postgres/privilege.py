"""Runs PostgreSQL without privilege, which it insists on: as ourselves, or, for root, as nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

_NOBODY = 65534
_NAMESPACE = ("unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}")


def unprivileged(command: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The command and the arguments of Popen that make it run without privilege.

    Root gets a user namespace of its own, in which it is nobody: its files stay readable even below a directory that
    the real nobody could not enter. Where namespaces are forbidden it becomes nobody.
    """
    if os.geteuid() != 0:
        return command, {}
    if _namespaces_work():
        return [*_NAMESPACE, *command], {}
    return command, {"user": _NOBODY, "group": _NOBODY, "extra_groups": ()}


def hand_over(folder: Path) -> None:
    """Give a folder and what is in it to whoever `unprivileged` runs as."""
    if os.geteuid() == 0 and not _namespaces_work():
        for path in (folder, *folder.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY)


@cache
def _namespaces_work() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0  # noqa: S603

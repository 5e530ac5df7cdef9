"""Runs PostgreSQL without privilege, which it insists on: as ourselves, or, for root, as nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

_NOBODY = 65534
# A name space of IPC too: the segment that a killed postmaster leaves behind goes with it.
_NAMESPACE = ("unshare", "--user", "--ipc", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}")
_AS_NOBODY: dict[str, Any] = {"user": _NOBODY, "group": _NOBODY, "extra_groups": ()}


def unprivileged(command: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The command and the arguments of Popen that make it run without privilege.

    Root gets a user namespace of its own, in which it is nobody: its files stay readable even below a directory that
    the real nobody could not enter. Where namespaces are forbidden it becomes nobody.
    """
    if os.geteuid() != 0:
        return command, {}
    if _namespaces_work():
        return [*_NAMESPACE, *command], {}
    return command, dict(_AS_NOBODY)


def hand_over(*paths: Path) -> None:
    """Give these files or folders, and what is in them, to whoever `unprivileged` runs as."""
    if not _becomes_nobody():
        return
    for path in paths:
        for each in (path, *path.rglob("*")):
            os.chown(each, _NOBODY, _NOBODY, follow_symlinks=False)


def open_way(folder: Path) -> None:
    """Let whoever `unprivileged` runs as pass through a folder of ours, without listing it."""
    if _becomes_nobody():
        os.chown(folder, -1, _NOBODY)
        folder.chmod(0o710)


def within_reach(programs: Path, spare: Path) -> Path:
    """The directory of programs, or, where nobody can't run them, that of a copy of the installation below `spare`."""
    if not _becomes_nobody() or _runs(programs / "postgres"):
        return programs
    if not spare.exists():
        shutil.copytree(programs.resolve().parent, spare, symlinks=True)
        hand_over(spare)
    return spare / programs.resolve().name


def _becomes_nobody() -> bool:
    return os.geteuid() == 0 and not _namespaces_work()


def _runs(program: Path) -> bool:
    try:
        done = subprocess.run([program, "--version"], cwd="/", capture_output=True, check=False, **_AS_NOBODY)  # noqa: S603
    except PermissionError:
        return False
    return done.returncode == 0


@cache
def _namespaces_work() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0  # noqa: S603

"""A process that is forked from this one, so that it need not import again what is imported here.

To be made while there is one thread: what another thread holds at that moment nobody would ever let go in the child.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, NoReturn

from venturi.runtime.title import entitle

_TICK_SECONDS = 0.005
_RESET = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Forked:
    """What `subprocess.Popen` offers of a child, in as far as we use it."""

    def __init__(self, work: Callable[[], None], title: list[str], log: Path, handed: int | None = None) -> None:
        """Fork; the child does the work, with pipes to us as standard input and output, and ends.

        It leads a session of its own, logs to `log`, is listed under `title`, and of our open files it keeps the
        descriptor `handed` alone.
        """
        told, answered = os.pipe(), os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _be(work, title, (told[0], answered[1], log), handed)
        os.close(told[0])
        os.close(answered[1])
        self.stdin: IO[str] | None = os.fdopen(told[1], "w")
        self.stdout: IO[str] | None = os.fdopen(answered[0])
        self._code: int | None = None
        self._looking = threading.Lock()

    def poll(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        with self._looking:
            if self._code is None:
                seen, status = os.waitpid(self.pid, os.WNOHANG)
                if seen:
                    self._code = os.waitstatus_to_exitcode(status)
            return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code. Raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired([str(self.pid)], timeout or 0)
            time.sleep(_TICK_SECONDS)
        return code

    def terminate(self) -> None:
        """Ask it to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        # A number that was waited for may be somebody else's by now.
        if self.poll() is None:
            os.kill(self.pid, number)


def _be(work: Callable[[], None], title: list[str], streams: tuple[int, int, Path], handed: int | None) -> NoReturn:
    """The life of the child, which never returns into what its parent was about to do."""
    code = 1
    try:
        os.setsid()
        _forget_the_parent(streams, handed)
        entitle(title)
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException as error:  # as the interpreter would say it
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _forget_the_parent(streams: tuple[int, int, Path], handed: int | None) -> None:
    """Its pipes above all: they say by their end that it is gone, and must not be kept open here."""
    for number in _RESET:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    told, answers, log = streams
    logged = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((told, 0), (answers, 1), (logged, 2)):
        os.dup2(source, target)
    kept = 2 if handed is None else handed
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    if not sys.flags.safe_path and sys.path:
        # A file in the current directory must not stand in for a module.
        del sys.path[0]

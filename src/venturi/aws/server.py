"""The AWS process: moto behind the strict front, on a loopback port of the system's choice."""

from __future__ import annotations

import base64
import importlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cheroot import wsgi

from venturi.aws.kept.memory import Memory
from venturi.aws.kept.moments import install, install_in_moto
from venturi.aws.lighter import lighten
from venturi.runtime.listener import listen
from venturi.settings import AwsMemory, AwsSettings

if TYPE_CHECKING:
    from venturi.parts import Parts

_THREADS = 12
_BACKLOG = 512
_STOP_SECONDS = 0.2


def prepare(*, alone: bool = False) -> None:
    """Import moto, which takes a second: before the settings are there, and before anybody waits.

    With `alone`, this process is for AWS and nothing else, and may come between moto and the clock.
    """
    if alone:
        install()
    lighten()
    importlib.import_module("moto.moto_server.werkzeug_app")
    importlib.import_module("venturi.aws.cloud")


def serve(settings: AwsSettings, parts: Parts, announce: Callable[[str], None], stop: threading.Event) -> None:
    """Serve until `stop` is set; `announce` gets the base URL once calls are answered.

    With a memory in the settings, `prepare(alone=True)` was called. Raises DamagedJournal, Diverged.
    """
    prepare()
    # Only here: parts.front must be known without it.
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from venturi.aws.cloud import MotoCloud

    memory = _opened(settings.memory) if settings.memory else None
    front = parts.front(settings.identities, DomainDispatcherApplication(create_backend_app), MotoCloud())
    if memory:
        memory.attach(front)
    # Nobody has to wait at the end for connections that are merely kept open.
    server = _Server(("127.0.0.1", 0), front, numthreads=_THREADS, server_name="venturi-aws", shutdown_timeout=0,
                     request_queue_size=_BACKLOG)  # fmt: skip
    server.prepare()
    serving = threading.Thread(target=server.serve, name="aws", daemon=True)
    serving.start()
    try:
        announce(f"http://127.0.0.1:{server.bind_addr[1]}")
        stop.wait()
    finally:
        server.stop()
        serving.join(_STOP_SECONDS)


def _opened(where: AwsMemory) -> Memory:
    """What was kept; from here on moto hears of time and chance what is told there."""
    memory = Memory(Path(where.directory), base64.b64decode(where.key))
    install_in_moto(memory.root)
    return memory


class _Server(wsgi.Server):
    """cheroot on the socket that the supervisor holds for it, if it does."""

    def bind(self, *_: Any) -> Any:  # noqa: ANN401  # cheroot has no types
        """Take the socket instead of making one."""
        self.socket = listen()
        self.bind_addr = self.socket.getsockname()[:2]
        return self.socket

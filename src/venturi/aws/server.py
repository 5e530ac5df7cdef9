"""The AWS process: moto behind the strict front, on a loopback port of the system's choice."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from cheroot import wsgi

from venturi.aws.lighter import lighten
from venturi.settings import AwsSettings

if TYPE_CHECKING:
    from venturi.parts import Parts

_THREADS = 12
_STOP_SECONDS = 0.2


def prepare() -> None:
    """Import moto, which takes a second: before the settings are there, and before anybody waits."""
    lighten()
    importlib.import_module("moto.moto_server.werkzeug_app")
    importlib.import_module("venturi.aws.cloud")


def serve(settings: AwsSettings, parts: Parts, announce: Callable[[str], None], stop: threading.Event) -> None:
    """Serve until `stop` is set; `announce` gets the base URL once calls are answered."""
    prepare()
    # Only here: parts.front must be known without it.
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from venturi.aws.cloud import MotoCloud

    front = parts.front(settings.identities, DomainDispatcherApplication(create_backend_app), MotoCloud())
    # Nothing of it outlives it, so nobody has to wait at the end for connections that are merely kept open.
    server = wsgi.Server(("127.0.0.1", 0), front, numthreads=_THREADS, server_name="venturi-aws", shutdown_timeout=0)
    server.prepare()
    serving = threading.Thread(target=server.serve, name="aws", daemon=True)
    serving.start()
    try:
        announce(f"http://127.0.0.1:{server.bind_addr[1]}")
        stop.wait()
    finally:
        server.stop()
        serving.join(_STOP_SECONDS)

"""The AWS process: moto behind the strict front, on a loopback port of the system's choice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from cheroot import wsgi

from venturi.aws.lighter import lighten
from venturi.settings import AwsSettings

if TYPE_CHECKING:
    from venturi.parts import Parts

_THREADS = 12


def serve(settings: AwsSettings, parts: Parts, announce: Callable[[str], None], stop: threading.Event) -> None:
    """Serve until `stop` is set; `announce` gets the base URL once calls are answered."""
    lighten()
    # moto takes a second to import; parts.front must be known without it.
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from venturi.aws.cloud import MotoCloud

    front = parts.front(settings.identities, DomainDispatcherApplication(create_backend_app), MotoCloud())
    server = wsgi.Server(("127.0.0.1", 0), front, numthreads=_THREADS, server_name="venturi-aws")
    server.prepare()
    serving = threading.Thread(target=server.serve, name="aws", daemon=True)
    serving.start()
    try:
        announce(f"http://127.0.0.1:{server.bind_addr[1]}")
        stop.wait()
    finally:
        server.stop()
        serving.join(5)

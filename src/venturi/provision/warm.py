"""Imports, once, what several processes of the deployment need, before they are forked."""

from __future__ import annotations

import gc
import importlib
import sys
from contextlib import suppress

from venturi.aws import descriptions

_CLOUD = ("botocore.session", "venturi.aws.server", "venturi.aws.front")
_MODULES = (
    "venturi.serve",
    "venturi.provision.boot",
    "venturi.identity.issuer_server",
    "venturi.api.server",
    "venturi.resolution.server",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.lifespan.on",
)
_STREAMS = ("confluent_kafka", "confluent_kafka.admin")


def up_to_the_cloud() -> None:
    """Import what the emulator of AWS needs of it, and read the descriptions of the services.

    Until `up` nothing is collected: what is imported stays, and looking through it again and again is a fifth of it.
    """
    gc.disable()
    # httpx brings a command line, where rich is there for it, and nobody types that here.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # which is how an import is forbidden
    for name in _CLOUD:
        importlib.import_module(name)
    descriptions.read_ahead()


def up(*, streams: bool) -> None:
    """Import it; with `streams`, the client of Kafka too. Raises ImportError for what no deployment can do without."""
    for name in _MODULES:
        importlib.import_module(name)
    # Quicker where they are there, which is not everywhere.
    for name in ("uvloop", *(_STREAMS if streams else ())):
        with suppress(ImportError):
            importlib.import_module(name)
    # What is here to stay is not looked through again by the children, which would copy its pages to do it.
    gc.freeze()
    gc.enable()

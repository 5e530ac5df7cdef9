"""Imports, once, what several processes of the deployment need, before they are forked."""

from __future__ import annotations

import gc
import importlib
from contextlib import suppress

_MODULES = (
    "venturi.serve",
    "venturi.provision.boot",
    "venturi.identity.issuer_server",
    "venturi.api.server",
    "venturi.resolution.server",
    "botocore.session",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.lifespan.on",
)
_STREAMS = ("confluent_kafka", "confluent_kafka.admin")


def up(*, streams: bool) -> None:
    """Import it; with `streams`, the client of Kafka too. Raises ImportError for what no deployment can do without."""
    for name in _MODULES:
        importlib.import_module(name)
    # Quicker where they are there, which is not everywhere.
    for name in ("uvloop", *(_STREAMS if streams else ())):
        with suppress(ImportError):
            importlib.import_module(name)
    # What is here to stay is not counted again and again by the children, which would copy its pages to do it.
    gc.collect()
    gc.freeze()

"""`python -m venturi.serve aws|issuer|api`: one process of the deployment; the supervisor starts it, nobody else."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable

import msgspec

from venturi.parts import Parts, load_overlay
from venturi.settings import ApiSettings, AwsSettings, IssuerSettings

_SETTINGS: dict[str, type[ApiSettings] | type[AwsSettings] | type[IssuerSettings]] = {
    "aws": AwsSettings,
    "issuer": IssuerSettings,
    "api": ApiSettings,
}
_MODULES = {"aws": "venturi.aws.server", "issuer": "venturi.identity.issuer_server", "api": "venturi.api.server"}
_EXIT_SECONDS = 5.0


def main(name: str) -> None:
    """Read the settings from the first line of standard input, serve until its end."""
    settings = msgspec.json.decode(sys.stdin.readline(), type=_SETTINGS[name])
    parts = load_overlay(settings.overlay)(Parts())
    serve = importlib.import_module(_MODULES[name]).serve
    if name == "aws":
        stop = threading.Event()
        _watch(stop.set)
        serve(settings, parts, _announce, stop)
    else:
        _run(serve(settings, parts, _announce, stopping := asyncio.Event()), stopping)


def _run(serving: object, stopping: asyncio.Event) -> None:
    async def body() -> None:
        loop = asyncio.get_running_loop()
        _watch(lambda: loop.call_soon_threadsafe(stopping.set))
        await serving  # type: ignore[misc]  # the coroutine of a module chosen at run time

    try:
        import uvloop
    except ImportError:
        asyncio.run(body())
    else:
        uvloop.run(body())


def _watch(stop: Callable[[], object]) -> None:
    """Stop at the end of standard input, or when asked to; don't hang on the way out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _end(stop))

    def listen() -> None:
        while sys.stdin.readline():
            continue
        _end(stop)

    threading.Thread(target=listen, daemon=True).start()


def _end(stop: Callable[[], object]) -> None:
    timer = threading.Timer(_EXIT_SECONDS, os._exit, (1,))
    timer.daemon = True
    timer.start()
    stop()


def _announce(url: str) -> None:
    sys.stdout.write(json.dumps({"ready": url}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])

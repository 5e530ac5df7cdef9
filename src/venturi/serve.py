"""`python -m venturi.serve aws|issuer|api|stage-a`: one process of the deployment, started by the supervisor alone."""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import msgspec

from venturi.parts import Parts, load_overlay
from venturi.resolution.settings import StageASettings
from venturi.runtime.logs import log_json
from venturi.settings import ApiSettings, AwsSettings, IssuerSettings

_SETTINGS: dict[str, type[ApiSettings] | type[AwsSettings] | type[IssuerSettings] | type[StageASettings]] = {
    "aws": AwsSettings,
    "issuer": IssuerSettings,
    "api": ApiSettings,
    "stage-a": StageASettings,
}
_MODULES = {
    "aws": "venturi.aws.server",
    "issuer": "venturi.identity.issuer_server",
    "api": "venturi.api.server",
    "stage-a": "venturi.resolution.server",
}
_EXIT_SECONDS = 5.0

Announce = Callable[[str], None]


def main(name: str) -> None:
    """Read the settings from the first line of standard input, serve until its end."""
    gc.disable()
    log_json()
    announce = _announcer()
    module = importlib.import_module(_MODULES[name])
    if name == "aws":
        module.prepare(alone=True)
    # Modules are here to stay: nobody looks through them again for something to collect.
    gc.freeze()
    # A request leaves no cycles behind: what is young is dead before anybody looks, so nobody looks often.
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
    settings = msgspec.json.decode(sys.stdin.readline(), type=_SETTINGS[name])
    parts = load_overlay(settings.overlay)(Parts())
    if name == "aws":
        stop = threading.Event()
        _watch(stop.set)
        module.serve(settings, parts, announce, stop)
    else:
        _run(module.serve(settings, parts, announce, stopping := asyncio.Event()), stopping)


def _run(serving: Coroutine[Any, Any, None], stopping: asyncio.Event) -> None:
    async def body() -> None:
        loop = asyncio.get_running_loop()
        _watch(lambda: loop.call_soon_threadsafe(stopping.set))
        await serving

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

    threading.Thread(target=listen, daemon=True, name="lifeline").start()


def _end(stop: Callable[[], object]) -> None:
    timer = threading.Timer(_EXIT_SECONDS, os._exit, (1,))
    timer.daemon = True
    timer.start()
    # The loop may have ended by itself just before.
    with suppress(RuntimeError):
        stop()


def _announcer() -> Announce:
    """Says on standard output where we serve; whatever else a library prints there goes to standard error."""
    told = os.dup(1)
    os.dup2(2, 1)

    def announce(url: str) -> None:
        os.write(told, json.dumps({"ready": url}).encode() + b"\n")
        os.close(told)

    return announce


if __name__ == "__main__":
    main(sys.argv[1])

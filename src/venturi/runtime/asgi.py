"""Serves an ASGI application on 127.0.0.1 until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

import uvicorn

from venturi.runtime.listener import listen
from venturi.runtime.patience import PatientProtocol

_GRACE_SECONDS = 3


async def serve_asgi(
    app: Any,  # noqa: ANN401  # an ASGI app
    announce: Callable[[str], None],
    stop: asyncio.Event,
    *,
    proxies: Collection[str] = (),
) -> None:
    """Serve `app`, call `announce` with the base URL once it listens, end when `stop` is set.

    Who connects is who asks, unless it is one of the `proxies` (addresses): those say whom they ask for.
    """
    listener = listen()
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        loop="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        # uvicorn believes whoever is on the same machine.
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=64 * 1024,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    # uvicorn offers no event for it.
    while not server.started and not serving.done():  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    if not serving.done():
        announce(f"http://127.0.0.1:{listener.getsockname()[1]}")
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        server.should_exit = True
    with suppress(asyncio.CancelledError):
        await serving


class _Server(uvicorn.Server):
    """uvicorn, which leaves signals to us."""

    def capture_signals(self) -> Any:  # noqa: ANN401  # uvicorn's own context manager
        from contextlib import nullcontext

        return nullcontext()

"""A bare server: answers every request with the refusal of the contract, and does nothing else (`python -m … PORT`)."""

from __future__ import annotations

import sys

import uvicorn
from starlette.types import Receive, Scope, Send

BODY = b'{"error":"TENANT_MISMATCH","message":"Token tenant does not match the requested tenant."}'
HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(BODY)).encode()),
    (b"cache-control", b"no-store"),
    (b"vary", b"Authorization"),
]


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """The application."""
    del receive
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 403, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    uvicorn.run(
        refuse,
        port=int(sys.argv[1]),
        log_level="error",
        access_log=False,
        lifespan="off",
    )

"""The octets of a request, exactly as it names them and nothing else but what HTTP can't do without."""

from __future__ import annotations

import random
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from tenantproof.clients.exchange import Request

_BODIED = frozenset({"POST", "PUT", "PATCH"})


def octets_of(request: Request, authority: str, prefix: str = "") -> bytes:
    """What goes over the wire. Added are Host, traceparent, User-Agent and Content-Length, unless the request has them.

    `prefix` is put before a target that is a path.
    """
    target = prefix + request.target if prefix and request.target.startswith("/") else request.target
    wants_host, wants_trace, wants_agent, wants_length = _wanting(tuple([name for name, _ in request.headers]))
    head = [f"{request.method} {target} HTTP/1.1"]
    if wants_host:
        head.append(f"Host: {authority}")
    head += [f"{name}: {value}" for name, value in request.headers]
    if request.probe and wants_trace:
        # The parent's id need not be secret, only new; the probe, which is, was drawn elsewhere.
        head.append(f"traceparent: 00-{request.probe}-{random.getrandbits(63) + 1:016x}-01")
    if wants_agent:
        head.append(_AGENT)
    # A length that nobody asked for would spoil an attack that says its own.
    if wants_length and (request.body or request.method in _BODIED):
        head.append(f"Content-Length: {len(request.body)}")
    text = "\r\n".join(head) + "\r\n\r\n"
    # Text beyond latin-1 makes only its own line UTF-8.
    raw = text.encode("latin-1") if text.isascii() else b"\r\n".join(_raw(line) for line in head) + b"\r\n\r\n"
    return raw + request.body


@lru_cache(maxsize=1024)
def _wanting(names: tuple[str, ...]) -> tuple[bool, bool, bool, bool]:
    """Whether a request with these headers still needs Host, traceparent, User-Agent, and to say its length."""
    named = {name.lower() for name in names}
    has_length = "content-length" in named or "transfer-encoding" in named
    return "host" not in named, "traceparent" not in named, "user-agent" not in named, not has_length


def _raw(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _version() -> str:
    try:
        return version("tenantproof")
    except PackageNotFoundError:
        return "0"


AGENT = f"tenantproof/{_version()}"
"""What the harness calls itself."""
_AGENT = f"User-Agent: {AGENT}"

"""A volley: requests that belong together on one connection, in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

import msgspec

from tenantproof.clients.exchange import Answer, Request

T = TypeVar("T")


class Volley(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One request, or several that follow each other on one connection; `tag` is the sender's own and comes back."""

    tag: T
    requests: tuple[Request, ...]
    pipelined: bool = False
    """Everything is sent before the first answer is read."""
    fresh: bool = False
    """On a connection that carries nothing else, before or after."""
    hold: float = 0.0
    """Seconds between the head of a request and its body, in which others are served."""
    server_name: str = ""
    """The name that TLS asks for (SNI), when it is not that of the host."""


Sink: TypeAlias = Callable[[Volley[T], Sequence[Answer]], None]
"""Is given each volley with an answer for each of its requests, as they come."""

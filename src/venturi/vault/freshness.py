"""How fresh a cached data key has to be: in each request, a tenant's KMS key is asked before the cache is believed.

A tenant that disables its key has to be obeyed at once, and only KMS knows that it did.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_asked: ContextVar[set[str] | None] = ContextVar("tenants whose key was asked in this request", default=None)


@contextmanager
def one_request() -> Iterator[None]:
    """What is done inside is one request, with all the tasks that it starts."""
    token = _asked.set(set())
    try:
        yield
    finally:
        _asked.reset(token)


def is_first_use(tenant: str) -> bool:
    """Whether the tenant's key has not been asked for yet in this request. Outside of requests: never."""
    asked = _asked.get()
    if asked is None or tenant in asked:
        return False
    asked.add(tenant)
    return True

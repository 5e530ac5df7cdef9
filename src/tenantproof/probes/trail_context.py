"""What the full context of a request is, field by field, and which of it an event leaves out.

After the OWASP logging cheat sheet (when, where, who, what), ASVS 5.0 V16.2 and PCI DSS 10.2.2. Values may be hashed
and members called anything: what counts is that somebody who knows a value can find it again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

from tenantproof.clients.exchange import Answer, Request

_EMPTY = (None, "", 0, False)
_SOURCE = r"source|(?:^|[._])ip(?:$|[._])|address|peer|remote"
_HEARSAY = re.compile(r"forward|xff|hop|chain|claim|via|prox|header", re.IGNORECASE)


def untold_context(event: object, request: Request, answer: Answer, target: str) -> list[str]:
    """The fields of a request's context that its event leaves out; empty when it tells all of them.

    `target` is the tenant whose path was asked for.
    """
    leaves = list(_leaves(event, ""))
    path = request.target.partition("?")[0]
    told = {
        "where it came from": _named(leaves, _SOURCE),
        "the program that asked": _named(leaves, r"agent"),
        "how the caller was known": _named(leaves, r"auth|session|scope|role"),
        "whose data it was after": _stands(leaves, target),
        "the path": _stands(leaves, path),
        "how much was answered": _measured(leaves, len(answer.body)),
        "how long it took": _named(leaves, r"latency|duration|elapsed|seconds"),
        "the program that answered": _named(leaves, r"service|version|host"),
        "an id to follow it by": _named(leaves, r"request_?id|correlation|log_?id"),
    }
    return [name for name, is_told in told.items() if not is_told]


def chosen_source(event: object, address: str) -> list[str]:
    """The members by which an event says that the request came from this address, which its sender only named.

    A member that is called after what was heard, as a chain of proxies is, may hold it.
    """
    digest = hashlib.sha256(address.encode()).hexdigest()
    return [
        path
        for path, value in _leaves(event, "")
        if re.search(_SOURCE, path, re.IGNORECASE)
        and not _HEARSAY.search(path)
        and isinstance(value, str)
        and (address in value or digest in value.lower())
    ]


def _named(leaves: list[tuple[str, object]], pattern: str) -> bool:
    """Whether a member of such a name says something."""
    found: Callable[[str], object] = re.compile(pattern, re.IGNORECASE).search
    return any(found(path) and value not in _EMPTY for path, value in leaves)


def _stands(leaves: list[tuple[str, object]], value: str) -> bool:
    """Whether the value, or the SHA-256 of it, stands anywhere."""
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return any(isinstance(text, str) and (text == value or digest in text.lower()) for _, text in leaves)


def _measured(leaves: list[tuple[str, object]], size: int) -> bool:
    return any(value == size and not isinstance(value, bool) for _, value in leaves)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, object]]:  # noqa: ANN401  # the JSON is the target's
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, path)
    else:
        yield path, value

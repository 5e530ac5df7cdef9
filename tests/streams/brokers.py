"""A broker for tests, with the streams of some tenants on it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from venturi.streams.build import Streams, build
from venturi.streams.errors import NoBroker
from venturi.streams.tenancy import Acl, Stream, StreamAccess

TENANTS = ("acme", "acme-eu", "globex")


class PrefixedAccess(StreamAccess):
    """One ACL per tenant, by its name as a prefix."""

    def acls(self, stream: Stream) -> list[Acl]:
        return [replace(acl, name=stream.tenant, pattern="PREFIXED") for acl in super().acls(stream)]


@contextlib.contextmanager
def running_streams(access: StreamAccess | None = None) -> Iterator[Streams]:
    """Start a broker in a directory of its own, and leave nothing of it."""
    home = Path(tempfile.mkdtemp(prefix="vk-"))
    try:
        built = build(home, TENANTS, access or StreamAccess())
    except NoBroker as missing:
        pytest.skip(str(missing))
    try:
        yield built
    finally:
        built.broker.stop(seconds=0.1)
        shutil.rmtree(home)

"""The classes of a broker, laid out once as Java maps them into memory (application class-data sharing, JEP 350).

A broker loads eight thousand classes from its jars and verifies each: two seconds of CPU at every start. One that runs
for nobody and ends in peace has Java write them down. Java looks by itself whether an archive fits its own version and
the jars, and does without where not.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from venturi.streams.broker import Broker, Certificate
from venturi.streams.errors import BrokerDied
from venturi.streams.kafka_home import KafkaHome

_DUMP_SECONDS = 60.0
_USED = "-XX:SharedArchiveFile={}"
_WRITTEN = "-XX:ArchiveClassesAtExit={}"


def learned(home: KafkaHome, register: Callable[[int, int], None], forget: Callable[[int], None]) -> tuple[str, ...]:
    """Java's options for starting from the archive, which is made first if need be: some 15 s, once on a machine.

    None for a Kafka that we don't keep, and where the archive can't be made. `register` is told the process group that
    makes it, and the signal that ends it; `forget`, that it has ended and its number may be somebody else's.
    """
    if home.kept is None:
        return ()
    archive = home.kept / f"classes-{_kind(home.java)}.jsa"
    if not archive.is_file():
        with suppress(OSError, BrokerDied):
            _make(home, archive, register, forget)
    return (_USED.format(archive),) if archive.is_file() else ()


def _kind(java: Path) -> str:
    """Which Java this is, so that an archive of another one is not written over again and again."""
    found = java.resolve()
    release = found.parent.parent / "release"
    told = release.read_bytes() if release.is_file() else b""
    return hashlib.sha256(str(found).encode() + b"\0" + told).hexdigest()[:16]


def _make(home: KafkaHome, archive: Path, register: Callable[[int, int], None], forget: Callable[[int], None]) -> None:
    """Raises BrokerDied, OSError. Whole or not at all: another boot may be reading it."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent) as workshop:
        fresh = Path(workshop) / archive.name
        broker = Broker(home, Path(workshop) / "kafka", Certificate.fresh(), options=(_WRITTEN.format(fresh),))
        try:
            broker.start(register)
        finally:
            broker.stop(_DUMP_SECONDS)
            if broker.process is not None:
                forget(broker.process.pid)
        fresh.replace(archive)

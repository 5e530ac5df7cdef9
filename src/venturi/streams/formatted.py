"""A broker's log directory as Kafka's own formatter leaves it, from what the formatter wrote the first time.

Of its two files one names the cluster and is made here; the other lists the features that this version of Kafka begins
with, is the same for every cluster, and holds no secret. Starting a Java machine to write it again takes seconds.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from contextlib import suppress
from pathlib import Path

from venturi.identity.strict import b64url

_FEATURES = "bootstrap.checkpoint"


def cluster_id() -> str:
    """A fresh id as Kafka writes one: 16 random bytes in base64url, which must not begin with a hyphen."""
    while (made := b64url(uuid.uuid4().bytes)).startswith("-"):
        continue
    return made


def lay_out(data: Path, node: int, known: Path) -> bool:
    """Make the log directory from what `keep` put into the folder `known`; False, and nothing, if it is not there."""
    if not (known / _FEATURES).is_file():
        return False
    data.mkdir(mode=0o700)
    shutil.copyfile(known / _FEATURES, data / _FEATURES)
    lines = {"version": 1, "cluster.id": cluster_id(), "node.id": node, "directory.id": cluster_id()}
    (data / "meta.properties").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return True


def keep(data: Path, known: Path) -> None:
    """Keep, for the next time, what is the same in every log directory; a place that can't be written is let be."""
    with suppress(OSError):
        known.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=known) as workshop:
            fresh = Path(workshop) / _FEATURES
            shutil.copyfile(data / _FEATURES, fresh)
            # Whole or not at all: another boot may be reading it.
            fresh.replace(known / _FEATURES)

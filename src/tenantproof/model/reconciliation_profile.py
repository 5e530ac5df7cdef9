"""The profile's [reconciliation]: where requests and the records of trails are held against each other."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `backend` a file of SQLite on this machine, which does for some million records.

    `backend` is a URL as Ibis takes it: `duckdb://` for what one machine can hold, `pyspark://?spark.master=…` for a
    cluster. `folder` is where records wait for it as Parquet; each machine of a cluster has to see it under that name.
    Without it, a temporary one.
    """

    backend: Annotated[str, Meta(pattern="^(|[a-z][a-z0-9_+]*://.*)$")] = ""
    folder: str = ""

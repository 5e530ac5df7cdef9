"""Puts exports together from their parts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from venturi.exports.exporter import Exporter
from venturi.exports.routes import Exports

if TYPE_CHECKING:
    from venturi.api.paths import Route
    from venturi.exports.bucket import Buckets
    from venturi.records.store import Records
    from venturi.trail.trail import Trail


def routes(exporter: type[Exporter], records: Records, buckets: Buckets, trails: Mapping[str, Trail]) -> list[Route]:
    """The endpoints of exports and imports."""
    return Exports(exporter(records, buckets, trails, time.time), records).routes()

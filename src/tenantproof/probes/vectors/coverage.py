"""Which entries of the catalogue a sweep can try at this target, and why not the others: a file for the bundle."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import rfc8785

from tenantproof.probes.contract import Endpoint
from tenantproof.probes.vectors import elsewhere, untried
from tenantproof.probes.vectors.vector import Vector

EXHIBIT = "vectors.json"
SCHEMA = "tenantproof.vectors/1"


def coverage(shapes: Iterable[tuple[Endpoint, Vector]], capabilities: Collection[str]) -> bytes:
    """What becomes of every entry of the catalogue, as canonical JSON: `population`, `elsewhere` and `untried`, by id.

    `population` has the names that a vector is tried under, with the operations that each fits; whether a sample came
    to all of them stands in the journal.
    """
    fitting: dict[str, dict[str, set[str]]] = {}
    seen = []
    for endpoint, vector in shapes:
        fitting.setdefault(vector.id, {}).setdefault(vector.name, set()).add(endpoint.name)
        seen.append(vector)
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "population": {
            ident: {name: sorted(operations) for name, operations in names.items()} for ident, names in fitting.items()
        },
        "elsewhere": elsewhere(capabilities),
        "untried": {each.id: each.why for each in untried(seen, capabilities)},
    }
    return rfc8785.dumps(told) + b"\n"

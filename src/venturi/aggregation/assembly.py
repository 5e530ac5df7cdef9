"""Puts aggregation together from its parts and the pools that it may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from venturi.aggregation.consent.consents import Trail
from venturi.aggregation.consent.pseudonym_keys import PseudonymKeys, Sealer
from venturi.aggregation.egress import RecordPages
from venturi.aggregation.parts import AggregationParts
from venturi.aggregation.pipeline import Workshop
from venturi.aggregation.protect import Rules
from venturi.aggregation.risk import Thresholds
from venturi.aggregation.routes import ConsentEndpoints, Readers, ReleaseEndpoints
from venturi.api.paths import Route

if TYPE_CHECKING:
    import asyncpg


@dataclass(frozen=True)
class Store:
    """One jurisdiction's store: a pool for each login that the API process holds, and the key that signs releases."""

    egress: asyncpg.Pool
    pipeline: asyncpg.Pool
    reader: asyncpg.Pool
    key: Ed25519PrivateKey


@dataclass(frozen=True)
class TenantPlane:
    """What aggregation uses on the tenants' side. `homes`: tenant to jurisdiction; `guards`: pools by tenant."""

    homes: Mapping[str, str]
    guards: Mapping[str, asyncpg.Pool]
    trails: Mapping[str, Trail]
    records: RecordPages
    vault: Sealer


def routes(
    parts: AggregationParts,
    plane: TenantPlane,
    stores: Mapping[str, Store],
    rules: Rules | None = None,
    thresholds: Thresholds | None = None,
) -> list[Route]:
    """All endpoints of aggregation. `stores`: jurisdiction to store."""
    consents = parts.consents(plane.guards, plane.trails)
    egress = parts.egress(
        plane.homes,
        {name: store.egress for name, store in stores.items()},
        plane.records,
        consents,
        PseudonymKeys(plane.guards, plane.vault),
        parts.deidentifier,
    )
    protector, test = parts.protector(rules or Rules()), parts.acceptance(thresholds or Thresholds())
    pipelines = {
        name: parts.pipeline(name, store.pipeline, Workshop(protector, test, store.key))
        for name, store in stores.items()
    }
    readers = Readers(plane.homes, {name: store.reader for name, store in stores.items()})
    return [*ConsentEndpoints(consents, egress).routes(), *ReleaseEndpoints(readers, egress, pipelines).routes()]

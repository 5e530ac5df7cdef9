"""The parts of aggregation that decide something, so that an overlay can swap any of them."""

from __future__ import annotations

from dataclasses import dataclass

from venturi.aggregation.consent.consents import Consents
from venturi.aggregation.deidentify import Deidentifier
from venturi.aggregation.egress import Egress
from venturi.aggregation.pipeline import AggregationPipeline
from venturi.aggregation.protect import Protector
from venturi.aggregation.risk import AcceptanceTest


@dataclass(frozen=True)
class AggregationParts:
    """Every part that stands between a tenant's records and a release."""

    consents: type[Consents] = Consents
    deidentifier: type[Deidentifier] = Deidentifier
    egress: type[Egress] = Egress
    pipeline: type[AggregationPipeline] = AggregationPipeline
    protector: type[Protector] = Protector
    acceptance: type[AcceptanceTest] = AcceptanceTest

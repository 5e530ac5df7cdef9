"""The composition root: which part does what, and how an overlay swaps one for another."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from venturi.aggregation.parts import AggregationParts
from venturi.api.app import Api
from venturi.api.attributions import Attributions
from venturi.api.audit import Audit
from venturi.api.authenticate import Authenticator
from venturi.api.cursors import Cursors
from venturi.api.gate import TenantGate
from venturi.api.pipeline import Pipeline
from venturi.api.recorder import Recorder
from venturi.api.refusals import Refusals
from venturi.api.support import Support
from venturi.aws.front import StrictFront
from venturi.erasure.eraser import Eraser
from venturi.exports.exporter import Exporter
from venturi.identity.binding import Binding
from venturi.identity.directory import Directory
from venturi.identity.verifier import TokenVerifier
from venturi.provision.databases import Doors
from venturi.provision.keys import KeyPlan, KeyPolicy, tenant_grants, tenant_key_policy
from venturi.provision.surroundings import Surroundings
from venturi.records.store import Records
from venturi.resolution.resolver import Resolver
from venturi.scoring.scorer import Scorer
from venturi.scoring.training import Training
from venturi.streams.tenancy import StreamAccess
from venturi.support.desk import SupportDesk
from venturi.support.mfa import SecondFactor
from venturi.support.notices import Notifier
from venturi.trail.trail import Trail
from venturi.vault.vault import Vault

if TYPE_CHECKING:
    from venturi.provision.keys import GrantRequest


@dataclass(frozen=True)
class Parts:
    """Every part that a decision about isolation is made in; a deployment is built from these and nothing else."""

    verifier: type[TokenVerifier] = TokenVerifier
    authenticator: type[Authenticator] = Authenticator
    binding: type[Binding] = Binding
    directory: type[Directory] = Directory
    api: type[Api] = Api
    pipeline: type[Pipeline] = Pipeline
    gate: type[TenantGate] = TenantGate
    refusals: type[Refusals] = Refusals
    recorder: type[Recorder] = Recorder
    records: type[Records] = Records
    attributions: type[Attributions] = Attributions
    cursors: type[Cursors] = Cursors
    trail: type[Trail] = Trail
    support: type[Support] = Support
    audit: type[Audit] = Audit
    desk: type[SupportDesk] = SupportDesk
    clock: Callable[[], float] = time.time
    """What the support desk measures access with."""
    resolver: type[Resolver] = Resolver
    scorer: type[Scorer] = Scorer
    training: type[Training] = Training
    mfa: type[SecondFactor] = SecondFactor
    notifier: type[Notifier] = Notifier
    vault: type[Vault] = Vault
    doors: type[Doors] = Doors
    streams: type[StreamAccess] = StreamAccess
    eraser: type[Eraser] = Eraser
    exporter: type[Exporter] = Exporter
    surroundings: type[Surroundings] = Surroundings
    aggregation: AggregationParts = field(default_factory=AggregationParts)
    front: type[StrictFront] = StrictFront
    keys: type[KeyPlan] = KeyPlan
    key_policy: KeyPolicy = tenant_key_policy
    grants: Callable[..., list[GrantRequest]] = tenant_grants


Overlay: TypeAlias = Callable[[Parts], Parts]


class OverlayError(ValueError):
    """The overlay can't be loaded; the message names the file and what is wrong with it."""


def load_overlay(reference: str) -> Overlay:
    """Load `FILE:NAME`, a function from Parts to Parts. An empty reference changes nothing.

    Raises OverlayError when the file can't be read or holds no such function.
    """
    if not reference:
        return lambda parts: parts
    path, _, name = reference.rpartition(":")
    if not path or not Path(path).is_file():
        raise OverlayError(f"no overlay file at {path or reference!r}; write it as FILE:NAME")
    spec = importlib.util.spec_from_file_location("venturi_overlay", path)
    if spec is None or spec.loader is None:
        raise OverlayError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    overlay = getattr(module, name, None)
    if not callable(overlay):
        raise OverlayError(f"{path} defines no function {name!r}")
    return overlay  # type: ignore[no-any-return]  # a file's attribute has no static type

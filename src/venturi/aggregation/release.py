"""A signed release, or none and a reason."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from venturi.aggregation.cube import Cube
from venturi.aggregation.protect import Protector, Published
from venturi.aggregation.risk import AcceptanceTest, Risk


class NoRelease(Exception):
    """The gate stayed shut; the message says why. Nothing is published."""


@dataclass(frozen=True)
class Release:
    """What is published (`document`, canonical JSON, and its Ed25519 signature) and what is remembered of it."""

    number: int
    document: bytes
    signature: bytes
    remembered: Published
    risk: Risk

    def public(self) -> dict[str, Any]:
        """The release as its readers get it."""
        return public(self.document, self.signature)


def public(document: bytes, signature: bytes) -> dict[str, Any]:
    """A release as its readers get it: parsed, and as the exact bytes (base64) that were signed."""
    return {
        "release": msgspec.json.decode(document),
        "document": base64.b64encode(document).decode(),
        "signature": base64.b64encode(signature).decode(),
    }


def release(
    cube: Cube,
    history: Sequence[Published],
    *,
    jurisdiction: str,
    number: int,
    at: str,
    protector: Protector,
    test: AcceptanceTest,
    key: Ed25519PrivateKey,
) -> Release:
    """Make release `number` of a jurisdiction from a cube, against the history of releases.

    A cell that is missing holds between nobody and anybody: withheld and empty look alike. Raises NoRelease when no
    cell may be published or the acceptance test refuses.
    """
    selection = protector.select(cube, history)
    if not selection.cells:
        raise NoRelease("no cohort is large and mixed enough to be published")
    cohorts = {cell: cube.cohorts[cell] for cell in selection.cells}
    risk = test.measure(cohorts.values())
    if not risk.accepted:
        raise NoRelease(f"the re-identification-risk acceptance test refused the release: {risk.because}")
    body = {
        "schema": "venturi.release/1",
        "jurisdiction": jurisdiction,
        "number": number,
        "at": at,
        "k": protector.rules.k,
        "hierarchies": {"channel": cube.channel.families, "month": cube.month.families},
        "cells": [{"channel": c[0], "month": c[1], "count": cohorts[c].size} for c in sorted(cohorts)],
        "risk": {
            "prosecutor": risk.prosecutor,
            "marketer": risk.marketer,
            "dominance": risk.dominance,
            "thresholds": msgspec.to_builtins(test.thresholds),
        },
    }
    document = msgspec.json.encode(body, order="deterministic")
    return Release(number, document, key.sign(document), Published(cohorts), risk)

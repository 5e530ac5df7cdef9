"""The shared weights: a logistic regression, identified by the digest of its canonical form."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from importlib.resources import files

import msgspec

from venturi.scoring.features import FEATURES


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """Coefficients in the order of FEATURES. `trained_on` names the releases that were read, or says "synthetic"."""

    coefficients: tuple[float, ...]
    intercept: float
    trained_on: tuple[str, ...]

    @property
    def digest(self) -> str:
        """`sha256:` and hex over the canonical JSON; equal digests are equal weights."""
        return "sha256:" + hashlib.sha256(self.encoded()).hexdigest()

    def encoded(self) -> bytes:
        """The canonical JSON: members in order, shortest floats that round-trip."""
        return msgspec.json.encode(self, order="deterministic")

    def logit(self, vector: Sequence[float]) -> float:
        """The raw score of a feature vector, before anybody's calibration."""
        return self.intercept + math.fsum(w * x for w, x in zip(self.coefficients, vector, strict=True))


def baseline() -> Weights:
    """The weights that the package ships, trained on synthetic data by `venturi.scoring.train`."""
    raw = files("venturi.scoring").joinpath("baseline.json").read_bytes()
    weights = msgspec.json.decode(raw, type=Weights)
    assert len(weights.coefficients) == len(FEATURES)
    return weights

"""Observations: facts about one probe, and the role they play in a check."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tenantproof.model.outcome import Outcome


class Role(StrEnum):
    """Why a check looked: to show that it can see, or to put the claim to the test."""

    CALIBRATION = "calibration"
    TRIAL = "trial"
    WITNESS = "witness"


class Unit(msgspec.Struct, frozen=True):
    """One member of the population that a sweep is drawn from; repeats of a unit count once."""

    attacker: str
    victim: str
    operation: str
    vector: str


class Observation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came back from one probe. Holds no secret: tokens and bodies appear as digests.

    `probe` is 32 hex digits and travels as the W3C trace id; `at` is Unix time in seconds, `seconds` the latency.
    `request` and `response` are one redacted line each, fit to print; `replay` is the redacted request in full.
    """

    probe: str
    what: str
    outcome: Outcome
    principal: str = ""
    request: str = ""
    request_digest: str = ""
    response: str = ""
    response_digest: str = ""
    at: float = 0.0
    seconds: float = 0.0
    unit: Unit | None = None
    notes: tuple[str, ...] = ()
    replay: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the journal: an observation, the check that made it and what that check expected."""

    seq: int
    check: str
    claim: str
    role: Role
    expected: Outcome
    observation: Observation

"""What a journal comes to, as the record of a run tells it: one for a run and for what was merged from its shards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tenantproof.ledger.grids import grids, residue, steps
from tenantproof.ledger.journal import Journal
from tenantproof.model.claims import Claim
from tenantproof.model.observation import Entry, Role

_SHOWN, _SAMPLED = 4, 12


def of_run(journal: Journal, cards: Iterable[Claim]) -> dict[str, Any]:
    """The members of a RunRecord that are counted over all observations: how many there are, and the pictures."""
    probes, observations = journal.totals()
    return {
        "probes": probes,
        "observations": observations,
        "pictures": grids(journal, {card.id: card.section for card in cards}),
        "steps": steps(journal),
        "residue": residue(journal),
    }


def of_claim(journal: Journal, claim: str) -> dict[str, tuple[Entry, ...]]:
    """The members of a ClaimResult that show a few of its observations."""
    return {
        "calibrations": tuple(journal.entries(claim=claim, role=Role.CALIBRATION, limit=_SHOWN)),
        "samples": tuple(journal.entries(claim=claim, role=Role.TRIAL, limit=_SAMPLED)),
    }

"""A standing panel of contributors that belong to no tenant, so that a jurisdiction has releases from its first day.

The data are synthetic. Some channels are large, and some are small on purpose: releases have to withhold them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from venturi.aggregation.consent.consents import BENCHMARKS
from venturi.aggregation.deidentify import Contribution
from venturi.aggregation.egress import insert

if TYPE_CHECKING:
    import asyncpg

MEMBERS = ("panel-1", "panel-2")
_PERSONS = {"search": 12, "display": 11, "social": 4, "affiliate": 9, "email": 2, "direct": 14}
"""Persons of each member by channel; four and four in one cell are eight, and four for either who knows the other."""


def contributions(jurisdiction: str, month: str) -> Iterator[Contribution]:
    """Everybody of the panel, all in one month (as in 2026-03)."""
    for member in MEMBERS:
        source = _hash(f"{jurisdiction}/{member}")
        for channel, count in _PERSONS.items():
            for number in range(count):
                yield Contribution(_hash(f"{jurisdiction}/{member}/{channel}/{number}"), source, channel, month)


async def seat(jurisdiction: str, store: asyncpg.Pool, month: str) -> None:
    """Put the panel into the store, under its egress login, one batch for each member."""
    everybody = list(contributions(jurisdiction, month))
    for source in dict.fromkeys(each.source for each in everybody):
        await insert(store, BENCHMARKS, [each for each in everybody if each.source == source])


def _hash(name: str) -> str:
    # Nobody stands behind these, so there is nothing that a key would have to hide.
    return hashlib.sha256(name.encode()).hexdigest()[:32]

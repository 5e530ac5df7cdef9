"""Puts ingest together from its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from venturi.ingest.ingest import Ingest, Journal
from venturi.ingest.routes import Events

if TYPE_CHECKING:
    import asyncpg

    from venturi.api.paths import Route
    from venturi.vault.vault import Vault


def routes(pools: Mapping[str, asyncpg.Pool], vault: Vault, journal: Journal) -> list[Route]:
    """The endpoint that takes events. `pools`: tenant to its own database."""
    return Events(Ingest(pools, vault, journal)).routes()

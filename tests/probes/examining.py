"""Runs one check on a fake API and judges it the way a run does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tenantproof.clients.target import Target
from tenantproof.judge.conclude import finding
from tenantproof.ledger.journal import Journal
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.verdict import Finding
from tenantproof.probes.probe import Probe
from tests.clients.profiles import CANARIES, client_of, profile_of
from tests.probes.fake_api import FakeApi, serving_api

SECRET_ENV = "TENANTPROOF_TEST_SECRET"


def examine(
    api: FakeApi, check: Callable[..., None], probe: type[Probe], folder: Path, patch: pytest.MonkeyPatch
) -> Finding:
    """What the check comes to on the API."""
    patch.setenv(SECRET_ENV, "not a secret")
    with serving_api(api) as host:
        profile = profile_of(host, {tenant: client_of(host, tenant, SECRET_ENV) for tenant in CANARIES})
        with (
            closing(Target(profile)) as target,
            closing(Journal.create(folder / "journal.sqlite", {})) as journal,
        ):
            check(probe(target), Ledger(journal, check.__name__, "X-1"))
            return finding("X-1", check.__name__, journal.tally(check.__name__))

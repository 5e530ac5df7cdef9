"""Runs one check on a fake API and judges it the way a run does."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import get_type_hints

import pytest

from tenantproof.clients.target import Target
from tenantproof.judge.conclude import finding
from tenantproof.ledger.journal import Journal
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.profile import Profile
from tenantproof.model.verdict import Finding
from tenantproof.probes.probe import Probe
from tests.clients.profiles import CANARIES, client_of, profile_of
from tests.probes.fake_api import FakeApi, serving_api

SECRET_ENV = "TENANTPROOF_TEST_SECRET"


def examine(
    api: FakeApi,
    check: Callable[..., None],
    probe: type[Probe],
    folder: Path,
    patch: pytest.MonkeyPatch,
    edited: Callable[[Profile, str], Profile] = lambda profile, _: profile,
    tls: ssl.SSLContext | None = None,
) -> Finding:
    """What the check comes to on the API; `edited` makes another profile of the usual one and the API's host."""
    patch.setenv(SECRET_ENV, "not a secret")
    with serving_api(api, tls) as host:
        usual = profile_of(host, {tenant: client_of(host, tenant, SECRET_ENV) for tenant in CANARIES})
        with (
            closing(Target(edited(usual, host))) as target,
            closing(Journal.create(folder / "journal.sqlite", {})) as journal,
        ):
            others = [each for each in list(get_type_hints(check).values())[1:] if issubclass(each, Probe)]
            probes = [each(target) for each in (probe, *others)]
            check(*probes, Ledger(journal, check.__name__, "X-1"))
            for each in probes:
                each.close()
            return finding("X-1", check.__name__, journal.tally(check.__name__))

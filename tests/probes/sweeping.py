"""Sweeps of small targets with some of the vectors alone: every pair of tenants, every form, over the wire."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from checks.cross_tenant import check_every_operation_refuses_by_name_however_it_is_asked as by_name
from checks.cross_tenant import check_no_vector_brings_back_what_is_anothers as no_leak
from tenantproof.clients.target import Target
from tenantproof.judge.conclude import finding
from tenantproof.ledger.journal import Journal
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.outcome import PRESENT
from tenantproof.model.profile import Profile, Record
from tenantproof.model.sweep import SweepChoice
from tenantproof.model.verdict import Verdict
from tenantproof.probes import sweep as sweep_module
from tenantproof.probes.sweep import Sweep
from tenantproof.probes.vectors.vector import Vector
from tests.clients import profiles
from tests.clients.profiles import client_of, profile_of
from tests.probes import fake_api
from tests.probes.fake_api import FakeApi, Json, Refused, serving_api

SECRET_ENV = "TENANTPROOF_TEST_SECRET"
NOT_FOUND: Json = {"error": "NOT_FOUND", "message": "No such resource."}


class PlainApi(FakeApi):
    """Decides by the path as it is sent; the tenant that it names must be the caller's."""

    def tenant_answer(self, steps: list[str], query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, Json]:
        caller = self.verify(headers.get("authorization", "").partition(" ")[2])
        if steps[:2] != ["v1", "tenants"] or len(steps) < 3:
            raise Refused(404, NOT_FOUND)
        self.gate(caller, self.meant(steps[2], headers, query))
        if steps[3:4] != ["attributions"] or len(steps) > 5:
            raise Refused(404, NOT_FOUND)
        tenant = self.meant(steps[2], headers, query)
        return 200, self.read(tenant, steps[4]) if len(steps) > 4 else self.page(tenant)

    def meant(self, tenant: str, headers: dict[str, str], query: dict[str, list[str]]) -> str:
        """The tenant that a request is about."""
        return tenant


@contextmanager
def sweeping_all(
    api: FakeApi,
    patch: pytest.MonkeyPatch,
    vectors: Iterable[Vector],
    budget: int = 0,
    parents: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    **http: Any,
) -> Iterator[Sweep]:  # Any: members of the profile's [http]
    """A sweep of everything that `vectors` are at the API, or of a sample; its profile has `http` besides."""
    patch.setenv(SECRET_ENV, "not a secret")
    with serving_api(api, tls) as host:
        profile = profile_of(host, {tenant: client_of(host, tenant, SECRET_ENV) for tenant in api.records})
        tenants = tuple(
            replace(tenant, records=_kept(api, tenant.id, (parents or {}).get(tenant.id, "")))
            for tenant in profile.tenants
        )
        profile = replace(profile, http=replace(profile.http, **http), tenants=tenants)
        if tls:
            text = msgspec.json.encode(profile).replace(f"http://{host}".encode(), f"https://{host}".encode())
            profile = msgspec.json.decode(text, type=Profile)
        with sweeping_profile(profile, patch, vectors, budget) as sweep:
            yield sweep


def _kept(api: FakeApi, tenant: str, parent: str) -> tuple[Record, ...]:
    return tuple(Record(id=ident, canary=canary, parent=parent) for ident, canary in api.records[tenant].items())


def rename_tenants(patch: pytest.MonkeyPatch, names: Mapping[str, str]) -> None:
    """Let every fake made from now on have these tenants, each with its canary."""
    for module in (profiles, fake_api):
        patch.setattr(module, "CANARIES", names)


@contextmanager
def sweeping_profile(
    profile: Profile, patch: pytest.MonkeyPatch, vectors: Iterable[Vector], budget: int = 0
) -> Iterator[Sweep]:
    """The same of a target by its profile."""
    patch.setattr(sweep_module, "VECTORS", tuple(vectors))
    choice = SweepChoice(budget=budget) if budget else SweepChoice(pairs="all")
    with closing(Target(profile, choice)) as target:
        yield Sweep(target)


def verdicts(sweep: Sweep, folder: Path) -> tuple[Verdict, Verdict]:
    """What the checks of refusals and of leaks come to."""
    found = []
    with closing(Journal.create(folder / "journal.sqlite", {})) as journal:
        for name, check in (("by name", by_name), ("no leak", no_leak)):
            check(sweep, Ledger(journal, name, "X-1"))
            found.append(finding("X-1", name, journal.tally(name)).verdict)
    return found[0], found[1]


def leaking(sweep: Sweep) -> set[str]:
    """The vectors, form by form, that brought back what is another's."""
    return {
        each.observation.unit.vector
        for each in sweep.seen()
        if each.role == "leak" and each.observation.outcome is PRESENT and each.observation.unit
    }

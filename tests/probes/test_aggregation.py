"""The aggregation checks are satisfied by a pipeline that keeps its word; each turns on the defect that breaks it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import Response

from checks import aggregation as checks
from tenantproof.clients.target import Target
from tenantproof.judge.conclude import finding, gather
from tenantproof.ledger.journal import Journal
from tenantproof.ledger.ledger import Ledger
from tenantproof.model import aggregation_profile as told
from tenantproof.model import profile as model
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.plugin.kit import claims_of
from tenantproof.probes.aggregation import AggregationTrail
from tenantproof.probes.cohorts import count
from tenantproof.probes.release_audit import Edition, ReleaseAudit, planted
from tests.aggregation.conftest import HOMES, Ground, PlainVault, aggregation_socket, open_ground
from venturi.aggregation import panel
from venturi.aggregation.assembly import TenantPlane, routes
from venturi.aggregation.parts import AggregationParts
from venturi.aggregation.schema import STORES
from venturi.api.answer import Answer, json_answer, refusal
from venturi.api.errors import ApiError, not_found
from venturi.api.exchange import Exchange
from venturi.api.paths import Route, RouteTable, tenant_in
from venturi.identity.principal import Principal

__all__ = ["aggregation_socket", "open_ground"]  # fixtures

CHECKS = [each for name, each in vars(checks).items() if name.startswith("check_")]
WIRED = {"AG-2", "AG-3", "AG-5", "AG-6", "AG-7", "AG-8"}
"""What the parts of aggregation decide; who may enter a database is for the doors of the deployment."""


class Face:
    """The routes of aggregation behind just enough of an API: a bearer token is the principal's name."""

    def __init__(self, ground: Ground, parts: AggregationParts) -> None:
        plane = TenantPlane(HOMES, ground.guards, ground.trails, ground.shelf, PlainVault())
        listing = "/v1/tenants/{tenant_id}/attributions"
        trail = "/v1/tenants/{tenant_id}/audit/events"
        self._ground = ground
        self._routes = [
            *routes(parts, plane, ground.stores),
            Route("GET", listing, self.list),
            Route("GET", trail, self.events, query=frozenset({"trace_id", "limit"})),
        ]

    async def list(self, exchange: Exchange) -> Answer:
        return json_answer({"items": self._ground.shelf.records[exchange.tenant], "next_cursor": None})

    async def events(self, exchange: Exchange) -> Answer:
        page = await self._ground.trails[exchange.tenant].read(-1, 100, exchange.query["trace_id"])
        return json_answer({"events": [{"seq": each.seq, "event": each.event} for each in page.events], "next": None})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        exchange = Exchange.of(Asked(scope, receive))
        try:
            answer = await self._answered(exchange)
        except ApiError as refused:
            answer = refusal(refused)
        await Response(answer.body, answer.status, {"Content-Type": answer.content_type})(scope, receive, send)

    async def _answered(self, exchange: Exchange) -> Answer:
        name = (exchange.header("authorization") or "").removeprefix("Bearer ")
        tenant, _, _ = name.partition(".")
        exchange.principal = Principal(name, tenant or None, "tenant" if tenant else "support", name, _scopes(name))
        exchange.target = tenant_in(exchange.path)
        found = RouteTable(self._routes).find(exchange.path)
        if exchange.method not in found:
            raise not_found()
        route, exchange.params = found[exchange.method]
        assert not route.scopes or route.scopes & exchange.principal.scopes
        exchange.read_query(route.query)
        exchange.body = await exchange.request.body()
        return await route.handler(exchange)


def _scopes(name: str) -> frozenset[str]:
    return frozenset({"audit:read", "aggregation:consent"} if name.partition(".")[0] else {"aggregation:run"})


@asynccontextmanager
async def _serving(open_ground: Any, parts: AggregationParts) -> AsyncIterator[str]:
    async with open_ground() as ground:
        for jurisdiction, store in ground.stores.items():
            await panel.seat(jurisdiction, store.egress, "2026-03")
        for tenant in HOMES:
            for person, channel in enumerate(("search", "display", "affiliate")):
                ground.shelf.add(tenant, channel, range(person, person + 1), times=2)
        application = Starlette()
        application.router.default = Face(ground, parts)
        server = uvicorn.Server(uvicorn.Config(application, port=0, log_level="error", lifespan="off"))
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        await serving


@contextmanager
def served(open_ground: Any, parts: AggregationParts) -> Iterator[str]:
    """The address of the API; everything of it lives in a thread of its own."""
    ready, stop, told_host = threading.Event(), threading.Event(), []

    async def whole() -> None:
        async with _serving(open_ground, parts) as host:
            told_host.append(host)
            ready.set()
            while not stop.is_set():  # noqa: ASYNC110  # another thread sets it
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=lambda: asyncio.run(whole()))
    thread.start()
    try:
        assert ready.wait(60)
        yield told_host[0]
    finally:
        stop.set()
        thread.join(20)


def profile_at(host: str, socket: str, folder: Path) -> Any:
    """The profile with its [aggregation]; a stand-in, so that it works with or without the table in Profile."""
    secret = folder / "secret"
    secret.write_text("none is asked for on a socket")

    def token(name: str) -> model.Principal:
        (folder / name).write_text(name)
        return model.Principal(token=model.Secret(file=str(folder / name)))

    def login(database: str, user: str) -> model.Database:
        return model.Database(host=socket, database=database, user=user, password=model.Secret(file=str(secret)))

    root = "/v1/tenants/{tenant}"
    plain = model.Profile(
        schema="tenantproof.profile/1",
        target=model.TargetTable(name="t", base_url=f"http://{host}", identity=model.Identity(path="/", expect={})),
        safety=model.Safety(hosts=(host,), requests_per_second=0.0, allow_writes=True),
        http=model.Http(
            operations={
                "read": model.Operation(method="GET", path=f"{root}/attributions/{{id}}"),
                "list": model.Operation(method="GET", path=f"{root}/attributions"),
                "trail": model.Operation(method="GET", path=f"{root}/audit/events"),
            },
            refusals={},
        ),
        tenants=tuple(
            model.Tenant(
                id=tenant,
                jurisdiction=home,  # type: ignore[arg-type]  # one of the two
                disposable=True,
                principals={name: token(f"{tenant}.{name}") for name in ("reader", "approver")},
                database=login(tenant, f"{tenant}_guard"),
            )
            for tenant, home in HOMES.items()
        ),
    )
    return Stand(
        {name: getattr(plain, name) for name in plain.__struct_fields__} | {"aggregation": _told(token, login)}
    )


class Stand(SimpleNamespace):
    """A profile with one more table."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__(**fields)


def _told(token: Callable[[str], model.Principal], login: Callable[[str, str], model.Database]) -> told.Aggregation:
    root, releases = "/v1/tenants/{tenant}/aggregation", "/v1/aggregation/{jurisdiction}"
    paths = {
        "state": ("GET", f"{root}/consent"),
        "give": ("PUT", f"{root}/consent"),
        "revoke": ("DELETE", f"{root}/consent"),
        "contribute": ("POST", f"{root}/contribute"),
        "releases": ("GET", f"{releases}/releases"),
        "release": ("GET", f"{releases}/releases/{{id}}"),
        "run": ("POST", f"{releases}/runs"),
    }
    return told.Aggregation(
        operations={name: model.Operation(method=method, path=path) for name, (method, path) in paths.items()},
        refusals={
            "consent": model.Refusal(status=403, code="NO_CONSENT"),
            "release": model.Refusal(status=409, code="NO_RELEASE"),
            "absent": model.Refusal(status=404, code="NOT_FOUND"),
        },
        operator=token(".operator"),
        stores={
            name: told.AggregationStore(
                auditor=login(database, f"{database}_auditor"),
                pipeline=login(database, f"{database}_pipeline"),
                egress=login(database, f"{database}_egress"),
            )
            for name, database in STORES.items()
        },
    )


@dataclass
class Bench:
    """Runs all checks against a deployment with the given parts."""

    socket: str
    ground: Any
    folder: Path

    def judge(self, parts: AggregationParts, wanted: set[str]) -> dict[str, Finding]:
        by_claim: dict[str, list[Finding]] = {}
        with served(self.ground, parts) as host:
            target = Target(profile_at(host, self.socket, self.folder))
            with closing(target), closing(Journal.create(self.folder / "journal.sqlite", {})) as journal:
                probe = AggregationTrail(target)
                for check in CHECKS:
                    (claim,) = claims_of(check)
                    if claim in wanted:
                        check(probe, Ledger(journal, check.__name__, claim))
                        found = finding(claim, check.__name__, journal.tally(check.__name__))
                        by_claim.setdefault(claim, []).append(found)
        return {claim: gather(claim, found) for claim, found in by_claim.items()}


@pytest.fixture
def bench(aggregation_socket: str, open_ground: Any, tmp_path: Path) -> Bench:
    return Bench(aggregation_socket, open_ground, tmp_path)


def _defects() -> Mapping[str, Any]:
    import importlib.util

    spec = importlib.util.spec_from_file_location("aggregation_defects", Path("fixtures/defects/aggregation.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)


def test_a_pipeline_that_keeps_its_word_satisfies_every_claim(bench: Bench) -> None:
    everything = {claim for check in CHECKS for claim in claims_of(check)}
    found = bench.judge(AggregationParts(), everything)
    assert {claim: (each.verdict, each.because) for claim, each in found.items()} == {
        claim: (Verdict.SATISFIED, each.because) for claim, each in found.items()
    }


@dataclass(frozen=True)
class Deployment:
    """What a defect is given here: the parts of aggregation alone."""

    aggregation: AggregationParts = field(default_factory=AggregationParts)
    doors: Any = None


# That it turns no other claim is for `tenantproof sensitivity` to show, on a whole deployment.
@pytest.mark.parametrize("name", [n for n, claims in _defects()["DEFECTS"].items() if set(claims) <= WIRED])
def test_a_defect_turns_the_claims_that_it_breaks(bench: Bench, name: str) -> None:
    defects = _defects()
    wanted = set(defects["DEFECTS"][name])
    found = bench.judge(defects[name](Deployment()).aggregation, wanted)
    assert {claim for claim, each in found.items() if each.verdict is Verdict.NOT_SATISFIED} == wanted


def test_the_audit_finds_what_was_planted_and_nothing_where_nothing_was() -> None:
    audit = ReleaseAudit(5)
    before, after = planted(5)
    assert list(audit.small_cells(before))
    assert list(audit.insiders(before))
    assert list(audit.differences(after))
    assert list(audit.across([before, after]))
    many = [(source, f"{source}{n}", "a", "m") for source in "st" for n in range(9)]
    truth = count(many, before.truth.hierarchies)
    clean = Edition({cell: len(group) for cell, group in truth.cells.items()}, truth)
    found = (audit.small_cells(clean), audit.insiders(clean), audit.differences(clean), audit.across([clean, clean]))
    assert not any(map(list, found))

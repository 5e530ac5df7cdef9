"""The whole API over real databases, built from any parts, with topics in memory; and the harness pointed at it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import asyncpg
import msgspec
import tomli_w

from tenantproof.clients.aws import AwsAnswer, AwsClients
from tenantproof.clients.target import Target
from tenantproof.model.profile import AwsPrincipal
from tenantproof.model.profile_text import parse
from tenantproof.probes.other_factors import OtherFactors
from tests.access.engine import Engine
from tests.api.served import MemoryKms
from tests.identity.served import serving
from venturi.api import server
from venturi.identity.issuer_server import build as build_issuers
from venturi.parts import Parts
from venturi.postgres.server import PostgresServer
from venturi.provision import aws, boot, databases
from venturi.provision.factors import enrolled
from venturi.provision.plan import AUDIENCE, VENDOR, Plan, draw
from venturi.provision.profile import Addresses, SecretFiles, profile
from venturi.provision.seed import _tenant as seed_tenant
from venturi.runtime.asgi import serve_asgi
from venturi.settings import ApiSettings, IssuerSettings, SupportSettings
from venturi.support.clock import SteadyClock

_CLOSED = json.dumps({"Version": "2012-10-17", "Statement": []})


@dataclass
class Topics:
    """Every tenant's topic and the queue behind it; a queue's URL is its topic's ARN."""

    held: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    fails: bool = False
    seconds: float = 0.0
    through: Callable[[str, str], Awaitable[str]] | None = None
    """Where messages go besides; what it raises is raised."""

    async def publish(self, topic: str, message: str) -> str:
        """What SNS does."""
        if self.through is not None:
            await self.through(topic, message)
        await asyncio.sleep(self.seconds)
        if self.fails:
            raise ConnectionError
        queue = self.held.setdefault(topic, [])
        ident = f"{topic}-{len(queue)}"
        sent = {"SentTimestamp": str(round(time.time() * 1000))}
        queue.append({"MessageId": ident, "Body": message, "Attributes": sent})
        return ident

    def said(self, topic: str) -> list[dict[str, Any]]:
        """What a topic was told."""
        return [json.loads(each["Body"]) for each in self.held.get(topic, [])]


class Queues:
    """What `Target.aws` should be: reads the queues, and nothing else."""

    def __init__(self, topics: Topics) -> None:
        self._topics, self._shown = topics, False

    def client(self, service: str, principal: AwsPrincipal, *, region: str = "", key: str = "") -> str:
        return principal.arn

    def call(self, client: str, operation: str, **arguments: Any) -> AwsAnswer:
        """Every message at once, then none, as if hidden; they come back at the next look. Keys let nobody in."""
        if operation == "get_key_policy":
            return AwsAnswer(data={"Policy": _CLOSED})
        if operation == "list_grants":
            return AwsAnswer(data={"Grants": []})
        assert operation == "receive_message"
        self._shown = not self._shown
        held = self._topics.held.get(str(arguments["QueueUrl"]), [])
        return AwsAnswer(data={"Messages": list(held) if self._shown else []})

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Clock:
    """The wall clock, some seconds ahead; or, with `at`, a clock that stands still there."""

    ahead: float = 0.0
    at: float | None = None

    def __call__(self) -> float:
        return (time.time() if self.at is None else self.at) + self.ahead

    def hurry(self, seconds: float) -> None:
        """Let this many seconds pass at once."""
        self.ahead += seconds

    def standing(self) -> SteadyClock:
        """The desk's clock when nothing passes by itself, so that a test can meet an instant exactly."""
        self.at = time.time()
        return SteadyClock(self, monotonic=lambda: 0.0)


@dataclass
class Counter:
    """A deployment whose API is not running yet: databases, issuers, people and settings."""

    plan: Plan
    settings: ApiSettings
    accounts: aws.AwsAccounts
    built: Mapping[str, aws.TenantAws]
    postgres: PostgresServer
    issuer: str
    secrets: SecretFiles
    engine: Engine
    topics: Topics = field(default_factory=Topics)
    clock: Clock = field(default_factory=Clock)

    @contextmanager
    def opened(
        self, parts: Parts | None = None, *, support: SupportSettings | None = None, standing: bool = False
    ) -> Iterator[Target]:
        """Serve the API from these parts, and reach it as the harness does. The desk's clock is ours to set, so what
        was written by another one is forgotten first.
        """
        self._forget()
        self.topics.held.clear()
        self.topics.fails, self.topics.seconds, self.topics.through = False, 0.0, None
        self.clock.ahead, self.clock.at = 0.0, None
        settings = msgspec.structs.replace(self.settings, support=support or SupportSettings())
        made = replace(parts or Parts(), clock=self.clock.standing() if standing else self.clock)
        with self._running(settings, made) as base:
            target = Target(parse(tomli_w.dumps(self._profile(base)), "the counter's profile"))
            target._aws = cast("AwsClients", Queues(self.topics))
            try:
                yield target
            finally:
                target.close()

    def durable(self, *, really: bool) -> None:
        """Whether the databases wait for the disk. No test of rules pulls a plug, and a disk that is shared is slow."""

        async def execute() -> None:
            connection = await asyncpg.connect(**self.postgres.admin(), database="postgres")
            await connection.execute(f"ALTER SYSTEM SET fsync = {'on' if really else 'off'}")
            await connection.execute("SELECT pg_reload_conf()")
            await connection.close()

        asyncio.run(execute())

    def owner(self, tenant: str, statement: str) -> None:
        """Run a statement as the superuser in a tenant's database."""
        database = databases.find(self.plan, tenant).database

        async def execute() -> None:
            connection = await asyncpg.connect(**self.postgres.admin(), database=database)
            await connection.execute(statement)
            await connection.close()

        asyncio.run(execute())

    def _forget(self) -> None:
        """Empty the desk and the trails: a new process would take up the time of the old, and read what it wrote."""
        desk = "support_outbox, support_challenges, support_requests"

        async def empty(database: str, tables: str) -> None:
            connection = await self.engine.as_admin(database)
            # The triggers that keep a trail would keep it from us too.
            deletes = "; ".join(f"DELETE FROM {table}" for table in tables.split(", "))  # a few rows: no new files
            await connection.execute(f"SET session_replication_role = replica; {deletes}")

        OtherFactors.steps.clear()

        async def execute() -> None:
            tenants = [each.guard.database for each in self.settings.tenants]
            control = self.settings.control.database
            # A code counts once, and these tests can't wait for half a minute each.
            await asyncio.gather(
                *(empty(each, f"trail_events, trail_heads, {desk}") for each in tenants),
                empty(control, "trail_events, trail_heads, second_factors"),
            )
            connection = await self.engine.as_admin(control)
            await connection.executemany(
                "INSERT INTO second_factors (principal, kind, credential, material) VALUES ($1, $2, $3, $4)",
                [msgspec.structs.astuple(each) for each in enrolled(self.plan)],
            )

        self.engine.wait(execute())

    def topic(self, tenant: str) -> str:
        """The ARN of a tenant's topic."""
        return self.built[tenant].topic_arn

    def _profile(self, base: str) -> dict[str, Any]:
        where = Addresses(
            api=base,
            issuer=self.issuer,
            aws="http://127.0.0.1:1",
            database=(self.postgres.host, self.postgres.port),
            database_ca=str(self.postgres.ca_file),
        )
        made = profile(self.plan, self.accounts, self.built, where, self.secrets)
        # There is no AWS here whose roles it could list.
        del made["aws"]["auditor"]
        return made

    @contextmanager
    def _running(self, settings: ApiSettings, parts: Parts) -> Iterator[str]:
        url: Future[str] = Future()
        stop = asyncio.Event()

        async def serve() -> None:
            try:
                async with AsyncExitStack() as stack:
                    api = await server.assemble(settings, parts, stack)
                    await serve_asgi(api.asgi(), url.set_result, stop)
            except BaseException as fault:
                if not url.done():
                    url.set_exception(fault)
                raise

        with (
            patch.object(server, "Kms", lambda _: _KMS),
            patch.object(server, "pool_of", self.engine.pool_of),
            patch.object(server, "sns_publisher", lambda _: self.topics.publish),
        ):
            serving = self.engine.start(serve())
            try:
                yield url.result(30)
            finally:
                self.engine.tell(stop)
                serving.exception(20)


class _Kms(MemoryKms):
    def close(self) -> None:
        """Nothing is open."""


_KMS = _Kms()


@contextmanager
def counter(home: Path) -> Iterator[Counter]:
    """A counter below `home`, a short path that is there to be used; its databases and issuers run as long as the
    block.
    """
    home.mkdir(mode=0o700)
    plan, parts = draw(3, deployment="counter"), Parts()
    issuers = {tenant.id: tuple(boot._client(person) for person in tenant.principals) for tenant in plan.tenants}
    issuers[VENDOR] = tuple(boot._client(person) for person in (*plan.support, plan.operator))
    app = build_issuers(IssuerSettings(audience=AUDIENCE, issuers=issuers, admin_secret=plan.admin_secret))
    postgres = PostgresServer(home / "pg")
    with ExitStack() as stack:
        stack.callback(postgres.stop)
        postgres.start()
        doors = parts.doors()
        postgres.allow(doors.logins(plan))
        issuer = stack.enter_context(serving(app.asgi(), ready=lambda base: setattr(app, "base", base)))
        accounts = aws.draw_accounts(plan)
        built = {tenant.id: _built(tenant.id, tenant.region, tenant.account) for tenant in plan.tenants}
        asyncio.run(databases.build(postgres.admin(), plan, doors))
        asyncio.run(databases.enrol(postgres.admin(), plan, issuer, boot._second_factors(plan), enrolled(plan)))
        homes = {tenant.id: postgres for tenant in plan.tenants}
        settings = boot._api_settings(postgres, homes, plan, accounts, built, issuer, "http://127.0.0.1:1", "")
        asyncio.run(_seed(settings, plan, parts))
        engine = Engine(postgres.admin())
        stack.callback(engine.close)
        made = Counter(plan, settings, accounts, built, postgres, issuer, SecretFiles(home / "secrets"), engine)
        made.durable(really=False)
        yield made


def _built(tenant: str, region: str, account: str) -> aws.TenantAws:
    topic = f"arn:aws:sns:{region}:{account}:venturi-notices"
    key = f"arn:aws:kms:{region}:{account}:key/{tenant}"
    return aws.TenantAws(key_arn=key, topic_arn=topic, queue_url=topic)


async def _seed(settings: ApiSettings, plan: Plan, parts: Parts) -> None:
    async with AsyncExitStack() as stack:
        logins = {tenant.id: tenant.app for tenant in settings.tenants}
        pools = {name: await stack.enter_async_context(server.pool_of(login)) for name, login in logins.items()}
        vault = parts.vault(_KMS, {tenant.id: tenant.key_arn for tenant in settings.tenants}, pools)
        records = parts.records(pools, vault)
        for tenant in plan.tenants:
            await seed_tenant(records, tenant)


def home() -> Path:
    """A short place for a counter."""
    return Path(f"/tmp/vt-{os.getpid()}-desk")

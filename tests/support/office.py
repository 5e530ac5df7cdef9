"""A support desk over real databases, with people who have second factors and a topic that remembers what it got."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.trail.cluster import Database
from venturi.settings import SupportSettings
from venturi.support.clock import SteadyClock
from venturi.support.desk import SupportDesk
from venturi.support.errors import SupportError
from venturi.support.mfa import SecondFactor
from venturi.support.notices import Notifier
from venturi.trail.trail import Trail

SCOPE = "attributions:read"
TOPICS = {"acme": "arn:aws:sns:us-east-1:100000000001:n", "globex": "arn:aws:sns:us-east-1:100000000002:n"}


@dataclass(frozen=True)
class Someone:
    """A principal as the desk meets it."""

    id: str
    tenant: str | None
    kind: str
    person: str
    scopes: frozenset[str]


def vendor(name: str) -> Someone:
    return Someone(name, None, "support", f"person:{name}", frozenset({"support:request"}))


def approver(tenant: str, name: str = "approver") -> Someone:
    ident = f"{tenant}-{name}"
    return Someone(ident, tenant, "tenant", f"person:{ident}", frozenset({"support:approve", "audit:read"}))


ANN, BOB = vendor("ann"), vendor("bob")
ACME, GLOBEX = approver("acme"), approver("globex")
READER = replace(approver("acme", "reader"), scopes=frozenset({"attributions:read", "audit:read"}))


@dataclass
class Topic:
    """Stands in for SNS: keeps what it took, or fails, or is slow."""

    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    fails: bool = False
    seconds: float = 0.0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when somebody begins to tell it something."""

    async def publish(self, topic: str, message: str) -> str:
        self.reached.set()
        await asyncio.sleep(self.seconds)
        if self.fails:
            raise ConnectionError
        self.messages.append((topic, json.loads(message)))
        return str(len(self.messages))

    def events(self) -> list[str]:
        return [message["event"] for _, message in self.messages]


class Keys:
    """The directory's second factors."""

    def __init__(self) -> None:
        everybody = (ANN, BOB, ACME, GLOBEX, READER)
        self.private = {who.id: ec.generate_private_key(ec.SECP256R1()) for who in everybody}

    async def public(self, principal_id: str) -> str | None:
        key = self.private.get(principal_id)
        if key is None:
            return None
        return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(key: ec.EllipticCurvePrivateKey, text: str) -> str:
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return base64url(r.to_bytes(32) + s.to_bytes(32))


@dataclass
class Office:
    """The desk and all that is around it."""

    pools: dict[str, asyncpg.Pool]
    settings: SupportSettings = field(default_factory=SupportSettings)
    kind: type[SupportDesk] = SupportDesk
    clock: Clock = field(default_factory=Clock)
    topic: Topic = field(default_factory=Topic)
    keys: Keys = field(default_factory=Keys)

    def steady(self) -> SteadyClock:
        """The clock of a new process. Nothing passes by itself, so a test can meet an instant exactly."""
        return SteadyClock(self.clock, monotonic=lambda: 0.0)

    async def begin(self) -> SupportDesk:
        """A desk as a new process has it."""
        signer = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
        self.trails = {tenant: Trail(tenant, pool, signer, self.clock) for tenant, pool in self.pools.items()}
        for trail in self.trails.values():
            await trail.open()
        notifier = Notifier(self.topic.publish, TOPICS)
        factor = SecondFactor(self.keys.public)
        self.desk = self.kind(self.pools, self.trails, factor, notifier, self.settings, self.steady())
        await self.desk.open()
        return self.desk

    async def ask(self, tenant: str = "acme", seconds: int = 60) -> dict[str, Any]:
        return await self.desk.request(ANN, tenant, [SCOPE], seconds, "isolation audit", "AUDIT-1")

    async def factor(
        self, who: Someone, case: dict[str, Any], step: str, /, *, signer: Someone | None = None, **instead: str
    ) -> dict[str, str]:
        """A fresh assertion; `instead` replaces what is signed, `signer` who signs."""
        challenge = (await self.desk.challenge(who, case["id"], step))["challenge"]
        said = {"verb": step, "id": case["id"], "digest": case["digest"], "challenge": challenge, **instead}
        text = f"venturi-mfa/1\n{said['verb']}\n{said['id']}\n{said['digest']}\n{said['challenge']}"
        return {"challenge": challenge, "signature": sign(self.keys.private[(signer or who).id], text)}

    async def approve(self, case: dict[str, Any], who: Someone = ACME) -> dict[str, Any]:
        factor = await self.factor(who, case, "approve")
        return await self.desk.approve(who, case["tenant_id"], case["id"], case["digest"], factor)

    async def activate(self, case: dict[str, Any], who: Someone = ANN) -> dict[str, Any]:
        return await self.desk.activate(who, case["id"], await self.factor(who, case, "activate"))

    async def approved(self, **how: Any) -> dict[str, Any]:
        case = await self.ask(**how)
        await self.approve(case, ACME if case["tenant_id"] == "acme" else GLOBEX)
        return case

    async def active(self, **how: Any) -> dict[str, Any]:
        case = await self.approved(**how)
        await self.activate(case)
        return case

    async def allows(self, case: dict[str, Any], who: Someone = ANN, tenant: str = "", scope: str = SCOPE) -> bool:
        """Whether a read under the case is allowed now."""
        try:
            await self.desk.authorize(who, tenant or case["tenant_id"], case["id"], scope)
        except SupportError as refused:
            if (refused.code, refused.status) != ("NO_GRANT", 403):
                raise
            return False
        return True

    async def told(self, tenant: str = "acme") -> list[dict[str, Any]]:
        """The tenant's trail."""
        return [entry.event for entry in (await self.trails[tenant].read(-1, 500)).events]

    async def quiet(self) -> None:
        """Wait until no notice is on its way."""
        for _ in range(100):
            flushing = [task for task in self.desk._tasks if "_flush" in repr(task)]
            if not flushing:
                return
            await asyncio.gather(*flushing)


@contextlib.asynccontextmanager
async def office(databases: tuple[Database, Database], **how: Any) -> AsyncIterator[Office]:
    """An office with two tenants, acme and globex."""
    async with databases[0].pool() as acme, databases[1].pool() as globex:
        place = Office({"acme": acme, "globex": globex}, **how)
        await place.begin()
        try:
            yield place
        finally:
            await place.desk.close()

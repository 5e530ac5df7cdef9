"""A target whose wire is a function: three tenants with verifiable trails, which tests break member by member."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import msgspec
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.target import Target
from tenantproof.clients.transparency.heads import HeadBook
from tenantproof.model.profile import Operation, Profile
from tests.clients.profiles import CANARIES, MISMATCH, profile_of
from tests.transparency.exporting import leaf
from tests.transparency.growing import key_text, mth, note_of, path, proof, receipt_of

Json: TypeAlias = dict[str, Any]
_PROOFS = {"checkpoint": "checkpoint", "inclusion": "proofs/inclusion", "consistency": "proofs/consistency"}


class FakeLogs:
    """Every tenant's log. Every answer is a method, for a test to override."""

    def __init__(self) -> None:
        self.entries: dict[str, list[bytes]] = {tenant: [] for tenant in CANARIES}
        self.signer = Ed25519PrivateKey.from_private_bytes(b"k" * 32)

    def origin(self, tenant: str) -> str:
        return f"log.example/audit/{tenant}/1"

    def now(self) -> str:
        return datetime.now(UTC).isoformat(timespec="microseconds")

    def event(self, tenant: str, request: Request, status: int) -> Json:
        return {
            "ts_event": self.now(),
            "actor": {"id": f"{tenant}/reader"},
            "trace": {"trace_id": request.probe},
            "request": {"method": request.method},
            "result": {"http_status": status},
        }

    def write(self, tenant: str, event: Json) -> str:
        """Add an event; gives its receipt."""
        entries = self.entries[tenant]
        before = leaf(entries[-1]).hex() if entries else "0" * 64
        own: Json = {"log": self.origin(tenant), "seq": len(entries), "ts_logged": self.now(), "prev_hash": before}
        entries.append(rfc8785.dumps({**event, **own}))
        return self.receipt(tenant, len(entries) - 1)

    def receipt(self, tenant: str, seq: int) -> str:
        return receipt_of(seq, leaf(self.entries[tenant][seq]), self.signer, self.origin(tenant))

    def record(self, tenant: str, request: Request, status: int) -> str:
        """What becomes of an answered request; gives the receipt that goes out with the answer."""
        return self.write(tenant, self.event(tenant, request, status))

    def leaves(self, tenant: str) -> list[bytes]:
        return [leaf(entry) for entry in self.entries[tenant]]

    def page(self, tenant: str, after: int, limit: int, trace_id: str, reader: str) -> Json:
        found = [
            {"seq": seq, "leaf_hash": leaf(entry).hex(), "event": json.loads(entry)}
            for seq, entry in enumerate(self.entries[tenant])
            if seq > after and (not trace_id or trace_id.encode() in entry)
        ]
        return {"events": found[:limit], "next": found[limit - 1]["seq"] if len(found) > limit else None}

    def checkpoint(self, tenant: str, reader: str) -> str:
        leaves = self.leaves(tenant)
        return note_of(len(leaves), mth(leaves), origin=self.origin(tenant), signer=self.signer)

    def inclusion(self, tenant: str, seq: int, size: int) -> Json:
        return {"hashes": [step.hex() for step in path(seq, self.leaves(tenant)[:size])]}

    def consistency(self, tenant: str, old: int, new: int) -> Json:
        return {"hashes": [step.hex() for step in proof(old, self.leaves(tenant)[:new])]}

    def answer(self, request: Request) -> Answer:
        """The answer of a target that is asked for nothing but lists, records and trails."""
        parts = urlsplit(request.target)
        tenant, what = parts.path.split("/")[3], parts.path.split("/", 4)[4]
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        caller, reader = request.principal.split("/")
        if caller != tenant:
            return Answer(status=403, body=json.dumps(MISMATCH).encode())
        body = self.body(tenant, what, query, reader)
        receipt = self.record(tenant, request, 200)
        headers = (("Audit-Receipt", receipt),) if receipt else ()
        return Answer(status=200, body=body, headers=(*headers, ("Date", format_datetime(datetime.now(UTC)))))

    def body(self, tenant: str, what: str, query: Mapping[str, str], reader: str) -> bytes:
        if what == "audit/checkpoint":
            return self.checkpoint(tenant, reader).encode()
        if what == "audit/proofs/inclusion":
            return json.dumps(self.inclusion(tenant, int(query["seq"]), int(query["size"]))).encode()
        if what == "audit/proofs/consistency":
            return json.dumps(self.consistency(tenant, int(query["from"]), int(query["to"]))).encode()
        if what == "audit/events":
            limit, after = int(query["limit"]), int(query.get("after", -1))
            return json.dumps(self.page(tenant, after, limit, query.get("trace_id", ""), reader)).encode()
        return json.dumps({"items": []}).encode()


class _Wire:
    def __init__(self, logs: FakeLogs) -> None:
        self._logs = logs

    def send(self, request: Request, *, to: str = "") -> Answer:
        return self._logs.answer(request)


class LogTarget(Target):
    """The target of a profile, with the logs behind its wire."""

    def __init__(self, logs: FakeLogs, heads: HeadBook | None = None, *, provable: bool = True) -> None:
        super().__init__(_profile(logs, provable=provable), heads=heads)
        self.wire = _Wire(logs)  # type: ignore[assignment]  # all that the probes of trails use of it

    def bearer(self, tenant_id: str, principal: str = "reader") -> str:
        return f"token.of.{tenant_id}-{principal}"


def _profile(logs: FakeLogs, *, provable: bool) -> Profile:
    token = {"token": {"env": "UNUSED"}}
    profile = profile_of("127.0.0.1:9", dict.fromkeys(CANARIES, token))
    root = "/v1/tenants/{tenant}/audit/"
    more = {name: Operation(method="GET", path=root + place) for name, place in _PROOFS.items()}
    operations = {**profile.http.operations, **(more if provable else {})}
    tenants = tuple(
        msgspec.structs.replace(
            tenant,
            principals={**tenant.principals, "approver": tenant.principals["reader"]},
            trail_key=key_text(logs.signer, logs.origin(tenant.id)) if provable else "",
        )
        for tenant in profile.tenants
    )
    http = msgspec.structs.replace(profile.http, operations=operations)
    return msgspec.structs.replace(profile, http=http, tenants=tenants)

"""A small break-glass API, with every decision a method for a test to override, and the tenants' queues of notices."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tenantproof.clients.aws import AwsAnswer
from tenantproof.model.profile import AwsPrincipal, Profile
from tests.clients.profiles import CANARIES, profile_of
from tests.probes.fake_api import FakeApi, Json, Refused

PEOPLE = ("support-1", "support-2")
MOST_SECONDS = 600
_STEPS = "/v1/tenants/{tenant}/support/requests/{id}"
_CODES = {"grant": 403, "mfa": 403, "approval": 403, "absent": 404, "scope": 403, "conflict": 409, "request": 400}


def no(name: str) -> Refused:
    return Refused(_CODES[name], {"error": name.upper(), "message": "no"})


@dataclass
class Asked:
    """One request for access."""

    tenant: str
    asker: str
    seconds: int
    state: str = "requested"
    ends: float = 0.0
    challenges: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Challenge to (who, verb)."""

    def is_over(self, now: float) -> bool:
        return now >= self.ends


class FakeDesk(FakeApi):
    """Tokens are names: `reader.acme`, `approver.acme`, `support.support-1`. Is also what `Target.aws` should be."""

    def __init__(self) -> None:
        super().__init__()
        names = [*PEOPLE, *(f"approver.{tenant}" for tenant in CANARIES)]
        self.factors = {name: ec.generate_private_key(ec.SECP256R1()) for name in names}
        self.requests: dict[str, Asked] = {}
        self.queues: dict[str, list[str]] = {tenant: [] for tenant in CANARIES}
        self.told_of: list[str] = []
        """Who asks now, and under which case."""

    # Decisions

    def why_not(self, who: str, tenant: str, request: str) -> str:
        """Why a read by support is refused."""
        asked = self.requests.get(request)
        if asked is None or asked.tenant != tenant or asked.asker != who:
            return "no grant"
        return "" if asked.state == "active" and not self.is_over(asked) else "not now"

    def is_over(self, asked: Asked) -> bool:
        return asked.is_over(time.time())

    def may_approve(self, who: str, asked: Asked) -> bool:
        return who == f"approver.{asked.tenant}"

    def check_digest(self, said: str, request: str) -> None:
        if said != self.digest(request):
            raise no("conflict")

    def check_approved(self, asked: Asked) -> None:
        if asked.state != "approved":
            raise no("approval")

    def check_factor(self, who: str, verb: str, request: str, mfa: Json | None) -> None:
        given = self.requests[request].challenges.pop((mfa or {}).get("challenge", ""), None)
        if mfa is None or given != (who, verb) or not self.is_signed(who, verb, request, mfa):
            raise no("mfa")

    def is_signed(self, who: str, verb: str, request: str, mfa: Json) -> bool:
        raw = base64.urlsafe_b64decode(mfa["signature"] + "==")
        signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        message = f"venturi-mfa/1\n{verb}\n{request}\n{self.digest(request)}\n{mfa['challenge']}".encode()
        try:
            self.factors[who].public_key().verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def cut(self, seconds: int) -> int:
        """How much of the time asked for is given."""
        if seconds > MOST_SECONDS:
            raise no("request")
        return seconds

    def tell(self, tenant: str, step: str, trace: str) -> None:
        """Write a step to the tenant's trail."""
        self.trails[tenant].append({"trace": {"trace_id": trace}, "step": step, "told": self.told_of})

    def notify(self, tenant: str, request: str) -> None:
        self.queues[tenant].append(json.dumps({"request": request}))

    def digest(self, request: str) -> str:
        return f"sha256:{request}"

    # The way through

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        parts = urlsplit(url)
        steps = parts.path.strip("/").split("/")
        who = headers.get("authorization", "").partition(" ")[2].removeprefix("support.")
        trace = headers.get("traceparent", "00-0-0-0").split("-")[1]
        try:
            with self.lock:
                if steps[3:] == ["audit", "events"]:
                    return 200, self.trail(steps[2], parse_qs(parts.query)["trace_id"][0])
                if "attributions" in steps:
                    return 200, self.look(who, steps[2], steps[4], headers.get("support-grant", ""), trace)
                return 200, self.step(who, steps, json.loads(body), trace)
        except Refused as refused:
            return refused.status, refused.body

    def trail(self, tenant: str, trace: str) -> Json:
        found = [event for event in self.trails[tenant] if event["trace"]["trace_id"] == trace]
        return {"events": [{"event": event} for event in found], "next": None}

    def look(self, who: str, tenant: str, record: str, grant: str, trace: str) -> Json:
        self.told_of = [who, grant]
        self.tell(tenant, "read", trace)
        if self.why_not(who, tenant, grant):
            raise no("grant")
        return self.read(tenant, record)

    def step(self, who: str, steps: list[str], said: Json, trace: str) -> Json:
        if steps == ["v1", "support", "requests"]:
            return self.ask(who, said, trace)
        request, name = steps[-2:]
        asked = self.requests.get(request)
        if asked is None or who not in (asked.asker, f"approver.{asked.tenant}"):
            raise no("absent")
        if name == "challenges":
            challenge = secrets.token_urlsafe(32)
            asked.challenges[challenge] = (who, said["verb"])
            return {"challenge": challenge}
        if name != "activate" and not self.may_approve(who, asked):
            raise no("scope")
        try:
            made: Json = getattr(self, name)(who, request, asked, said)
        finally:
            self.tell(asked.tenant, name, trace)
        return made

    def ask(self, who: str, said: Json, trace: str) -> Json:
        seconds = self.cut(said["duration_seconds"])
        request = f"sr_{secrets.token_hex(16)}"
        self.requests[request] = Asked(said["tenant_id"], who, seconds)
        self.tell(said["tenant_id"], "request", trace)
        return {"id": request, "digest": self.digest(request), "duration_seconds": seconds}

    def approve(self, who: str, request: str, asked: Asked, said: Json) -> Json:
        self.check_factor(who, "approve", request, said.get("mfa"))
        self.check_digest(said["digest"], request)
        if asked.state != "requested":
            raise no("conflict")
        asked.state, asked.ends = "approved", time.time() + asked.seconds
        return {"state": asked.state}

    def activate(self, who: str, request: str, asked: Asked, said: Json) -> Json:
        self.check_factor(who, "activate", request, said.get("mfa"))
        self.check_approved(asked)
        asked.state = "active"
        self.notify(asked.tenant, request)
        return {"state": asked.state, "ends_at": datetime.fromtimestamp(asked.ends, UTC).isoformat()}

    def deny(self, who: str, request: str, asked: Asked, said: Json) -> Json:
        asked.state = "denied"
        return {"state": asked.state}

    def revoke(self, who: str, request: str, asked: Asked, said: Json) -> Json:
        asked.state = "revoked"
        return {"state": asked.state}

    # What clients.aws has

    def client(self, service: str, principal: AwsPrincipal, *, region: str = "", key: str = "") -> str:
        assert service == "sqs"
        return principal.arn

    def call(self, client: str, operation: str, **arguments: Any) -> AwsAnswer:
        """Every message of the queue at once, then none, as if hidden; they come back at the next look."""
        assert operation == "receive_message"
        tenant = str(arguments["QueueUrl"])
        with self.lock:
            self._shown = not getattr(self, "_shown", False)
            shown = self.queues[tenant] if self._shown else []
            return AwsAnswer(data={"Messages": [{"MessageId": body, "Body": body} for body in shown]})

    def close(self) -> None:
        """Nothing is open."""


def secrets_of(desk: FakeDesk) -> Mapping[str, str]:
    """The environment in which the profile's secrets are found."""
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    tokens = [f"{kind}.{tenant}" for kind in ("reader", "approver") for tenant in CANARIES]
    keys = {_env("FACTOR", name): key.private_bytes(*pem).decode() for name, key in desk.factors.items()}
    return keys | {_env("TOKEN", name): name for name in (*tokens, *(f"support.{person}" for person in PEOPLE))}


def desk_profile(host: str) -> Profile:
    """A profile of the desk at `host`."""
    base = profile_of(host, {tenant: _lent(f"reader.{tenant}") for tenant in CANARIES})
    tenants = [
        {
            "id": tenant.id,
            "region": "us-east-1",
            "notices": tenant.id,
            "principals": {
                "reader": _lent(f"reader.{tenant.id}"),
                "approver": _lent(f"approver.{tenant.id}", mfa=True),
            },
            "records": [{"id": record.id, "canary": record.canary} for record in tenant.records],
            "aws": {"auditor": _aws(tenant.id)},
        }
        for tenant in base.tenants
    ]
    http = {
        "operations": {
            "read": {"method": "GET", "path": "/v1/tenants/{tenant}/attributions/{id}"},
            "trail": {"method": "GET", "path": "/v1/tenants/{tenant}/audit/events"},
        },
        "refusals": {name: {"status": status, "code": name.upper()} for name, status in _CODES.items()},
    }
    operations = {name: {"method": "POST", "path": f"{_STEPS}/{name}"} for name in ("approve", "deny", "revoke")}
    operations |= {
        "request": {"method": "POST", "path": "/v1/support/requests"},
        "challenge": {"method": "POST", "path": "/v1/support/requests/{id}/challenges"},
        "activate": {"method": "POST", "path": "/v1/support/requests/{id}/activate"},
    }
    support = {
        "principals": {person: _lent(f"support.{person}", mfa=True) for person in PEOPLE},
        "operations": operations,
        "max_seconds": MOST_SECONDS,
    }
    safety = {"hosts": [host], "requests_per_second": 0, "timeout_seconds": 1, "allow_writes": True}
    more = {"tenants": tenants, "http": http, "support": support, "safety": safety}
    return profile_of(host, {tenant: {} for tenant in CANARIES}, more=more)


def _lent(name: str, *, mfa: bool = False) -> Json:
    factor = {"kind": "assertion-es256", "key": {"env": _env("FACTOR", name.removeprefix("support."))}}
    return {"token": {"env": _env("TOKEN", name)}} | ({"mfa": factor} if mfa else {})


def _aws(tenant: str) -> Json:
    return {"arn": f"arn:aws:iam::1:user/{tenant}", "access_key_id": "AKIA0", "secret_access_key": {"env": "NOWHERE"}}


def _env(kind: str, name: str) -> str:
    return f"TENANTPROOF_TEST_{kind}_{name.upper().replace('.', '_').replace('-', '_')}"

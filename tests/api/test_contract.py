"""The service and its published contract say the same: every route, parameter, status, header and body, both ways."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import jsonschema_rs
import msgspec
import pytest

from tests.api.served import TENANTS, Service
from tests.api.test_support_routes import ASK, FACTOR
from venturi.api import exchange
from venturi.api.paths import Route
from venturi.support.errors import refusal

CONTRACT = msgspec.yaml.decode((Path(__file__).parents[2] / "fixtures/contract/openapi.yaml").read_bytes())
METHODS = {"get", "post", "put", "patch", "delete"}
OPERATIONS = {
    (method.upper(), path): operation
    for path, item in CONTRACT["paths"].items()
    for method, operation in item.items()
    if method in METHODS
}
PROMISES = [(*key, status) for key, operation in OPERATIONS.items() for status in operation["responses"]]
BODIES: dict[str, Any] = {
    "Ask": ASK,
    "Wanted": {"verb": "activate"},
    "Activation": {"mfa": FACTOR},
    "Approval": {"digest": "d", "mfa": FACTOR},
    "Nothing": {},
    "ConsentGiven": {"purpose": "benchmarks", "scope": ["channel", "month"]},
    "Purpose": {"purpose": "benchmarks"},
    "RunAsked": {},
    "ScoringSettings": {"slope": 2.0, "shift": -1.0, "threshold": 0.25},
    "Paths": {"paths": [["search", "email"], []]},
    "EventBatch": {
        "events": [
            {"kind": "touchpoint", "id": "t1", "subject_id": "s1", "channel": "email",
             "occurred_at": "2026-03-01T12:00:00Z"},
            {"kind": "conversion", "id": "c1", "subject_id": "s1", "value": 2.5, "occurred_at": "2026-03-01T12:30:00Z"},
        ]
    },
    "ExportAsked": {"link_seconds": 30},
    "Lookup": {"ids": ["att_alder_0", "att_birch_0"]},
}  # fmt: skip
STEWARDS = ("scoring:write", "attributions:write", "erasure:write", "exports:write", "events:write")
QUERIES = {"/v1/tenants/{tenant_id}/aggregation/consent": "purpose=benchmarks",
           "/v1/tenants/{tenant_id}/audit/proofs/inclusion": "seq=0&size=1",
           "/v1/tenants/{tenant_id}/audit/proofs/consistency": "from=1&to=1"}  # fmt: skip


def imported() -> dict[str, Any]:
    """A record of a subject that nobody has met."""
    names = {name: f"{name}-{secrets.token_hex(6)}" for name in ("id", "subject_id", "touchpoint", "conversion")}
    return {**names, "channel": "search", "weight": 0.5, "note": "n"}


def resolve(node: Any) -> Any:
    while "$ref" in node:
        found: Any = CONTRACT
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        node = found
    return node


def check(answer: httpx.Response, method: str, path: str) -> None:
    """Raise when the answer is not what the contract promises for this operation."""
    promised = OPERATIONS[method, path]["responses"]
    response = resolve(promised.get(str(answer.status_code), promised.get("default")))
    kind = answer.headers["content-type"]
    schema = {**response["content"][kind]["schema"], "components": CONTRACT["components"]}
    jsonschema_rs.validator_for(schema).validate(answer.json() if "json" in kind else answer.text)
    for name, described in response.get("headers", {}).items():
        header = resolve(described)
        assert name in answer.headers or not header.get("required")
        if name in answer.headers:
            jsonschema_rs.validator_for(header["schema"]).validate(answer.headers[name])


def slowly(base: str, method: str, target: str, headers: dict[str, str]) -> httpx.Response:
    """The answer to a request of whose body one octet comes, and no more."""
    place = urlsplit(base)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=60)
    try:
        connection.putrequest(method, target)
        for name, value in {**headers, "Content-Length": "2"}.items():
            connection.putheader(name, value)
        connection.endheaders(b"{")
        answer = connection.getresponse()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())
    finally:
        connection.close()


class Asking:
    """Asks for one operation as the contract describes it, correctly or with one thing wrong."""

    def __init__(self, api: Service, method: str, path: str, fixed: Any = None, subject: str = "") -> None:
        self.api, self.method, self.path = api, method, path
        self.fixed, self.subject, self.key = fixed, subject, ""
        self.needed = "" if method == "PUT" else QUERIES.get(path, "")
        self.operation = OPERATIONS[method, path]
        self.public = self.operation.get("security") == []
        scope = self.operation.get("description", "")
        self.who, self.name = "alder", "approver" if "support:approve." in scope else "reader"
        if "aggregation:consent" in scope:
            self.name = "approver"
        if "aggregation:run." in scope:
            self.who, self.name = "venturi", "operator"
        if "support:request" in scope:
            self.who, self.name = "venturi", "support-1"
        if any(f"{needed}." in scope for needed in STEWARDS):
            self.name = "steward"
        # What is written here must not be met by tests that count alder's records.
        self.who = (
            "birch" if "/imports" in self.path or "/subjects" in self.path or "erasure" in self.path else self.who
        )

    def body(self) -> Any:
        if "requestBody" not in self.operation:
            return None
        if self.fixed is not None:
            return self.fixed
        schema = self.operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        return imported() if schema == "ImportedRecord" else BODIES[schema]

    def ask(
        self, *, tenant: str = "", ident: str = "", query: str = "", token: bool = True, **more: Any
    ) -> httpx.Response:
        ident = ident or self.subject or ("req_1" if "support" in self.path else "att_alder_0")
        tenant = tenant or (self.who if self.who in TENANTS else "alder")
        target = self.path.replace("{tenant_id}", tenant).replace("{id}", ident)
        known = {"{jurisdiction}": "eu", "{number}": "latest"}
        for name, value in known.items():
            target = target.replace(name, value if ident != "absent" else "nowhere")
        asked = "&".join(filter(None, (self.needed, query)))
        headers = {}
        if "/events" in self.path and self.method == "POST":
            headers["Idempotency-Key"] = more.get("key") or self.key or f"key-{secrets.token_hex(8)}"
        if token and not self.public:
            bearer = self.api.token(more.get("who", self.who), more.get("name", self.name))
            headers["Authorization"] = f"Bearer {bearer}"
        content = more.get("content")
        json = self.body() if content is None else None
        if content is not None:
            headers["Content-Type"] = more.get("media", "application/json")
        url = f"{target}?{asked}" if asked else target
        if more.get("slow"):
            return slowly(self.api.base, self.method, url, headers)
        return self.api.web.request(self.method, url, headers=headers, json=json, content=content)

    def provoke(self, status: str) -> httpx.Response:
        """Bring the status about."""
        desk = self.api.behind.desk
        if status in {"404", "409"} and "support" in self.path:
            desk.refuses = refusal({"404": "NOT_FOUND", "409": "CONFLICT"}[status], "as told")
        if status not in {"404", "401", "403"}:
            self.prepare()
        return self.conflict() if status == "409" else self.answer_of(status)

    def answer_of(self, status: str) -> httpx.Response:
        """The answer to a request that is right, or wrong in the way that this status is for."""
        match status:
            case "400":
                return self.ask(query="unknown=1")
            case "401":
                return self.ask(token=False)
            case "403":
                return self.ask(tenant="alder-eu", **({} if "{tenant_id}" in self.path else self._unfit()))
            case "404":
                return self.ask(ident="absent")
            case "408":
                exchange.BODY_SECONDS = 0.2
                return self.ask(content=b"", slow=True)
            case "413":
                return self.ask(content=b"{" * 65_537)
            case "503":
                return self.unavailable()
            case "default":
                return self._fault()
            case _:
                return self.ask()

    def conflict(self) -> httpx.Response:
        """Ask for what can't be done as things stand; the desk is told so by `provoke`."""
        match self.operation["operationId"]:
            case "acceptEvents":
                self.ask(key="key-that-is-used")
                self.fixed = {"events": [BODIES["EventBatch"]["events"][0]]}
                self.key = "key-that-is-used"
            case "importAttribution":
                self.fixed = imported()
                self.ask()
            case "exportAttributions":
                self.api.behind.too_many = True
            case "eraseSubject" | "beginErasure" | "listCertificates":
                self.api.behind.still_reading = True
            case "runAggregation":
                return self.ask(content=b'{"thresholds": {"prosecutor": 0}}')
        return self.ask()

    def prepare(self) -> None:
        """What has to be there for the operation to succeed: a consent to use, a release to read, one to erase."""
        if self.operation["operationId"] in {"eraseSubject", "readCertificate"}:
            record = imported()
            self.subject = record["subject_id"]
            Asking(self.api, "POST", "/v1/tenants/{tenant_id}/imports", fixed=record).ask()
        if self.operation["operationId"] == "readCertificate":
            made = Asking(self.api, "DELETE", "/v1/tenants/{tenant_id}/subjects/{id}", subject=self.subject).ask()
            self.subject = made.json()["certificate"]["id"]
        if self.path.endswith("/contribute"):
            Asking(self.api, "PUT", self.path.replace("contribute", "consent")).ask()
        if self.path.endswith("/{number}"):
            Asking(self.api, "POST", "/v1/aggregation/{jurisdiction}/runs").ask()

    def _unfit(self) -> dict[str, Any]:
        return {"who": "alder", "name": "reader"}

    def unavailable(self) -> httpx.Response:
        """Take the trail of the caller's tenant away."""
        if self.public:
            return self.broken_pool()
        self.api.behind.trails[self.who].broken = True
        return self.ask()

    def broken_pool(self) -> httpx.Response:
        """Take a database away from the readiness check."""
        self.api.behind.unready = True
        return self.ask()

    def _fault(self) -> httpx.Response:
        """A fault of ours: whatever handles the operation throws."""
        self.api.behind.fault = True
        return self.ask()


@pytest.fixture
def healed(api: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    # So that it is set back, whatever a test sets it to.
    monkeypatch.setattr(exchange, "BODY_SECONDS", exchange.BODY_SECONDS)
    yield api
    api.behind.fault = api.behind.unready = api.behind.too_many = api.behind.still_reading = False


@pytest.mark.parametrize(("method", "path", "status"), PROMISES)
def test_every_promised_answer_is_given_as_promised(healed: Service, method: str, path: str, status: str) -> None:
    healed.get("/v1/tenants/alder/attributions")
    asking = Asking(healed, method, path)
    asking.api.behind.desk.answer |= {"challenge": "Yw", "expires_at": "2026-01-01T00:00:00Z"}
    answer = asking.provoke(status)
    assert str(answer.status_code) == (status if status != "default" else "500"), answer.text
    check(answer, method, path)


def test_the_routes_of_the_service_are_those_of_the_contract(running: Service) -> None:
    routes = running.behind.routes
    assert {(route.method, route.template) for route in routes} == set(OPERATIONS)
    assert len(routes) == len(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_parameters_of_a_route_are_those_of_the_contract(running: Service, method: str, path: str) -> None:
    (route,) = (each for each in running.behind.routes if (each.method, each.template) == (method, path))
    listed = [resolve(each) for each in parameters(method, path)]
    assert {each["name"] for each in listed if each["in"] == "query"} == route.query
    headers = {"Support-Grant"} if route.grantable else {"Idempotency-Key"} if path.endswith("/events") else set()
    headers -= {"Idempotency-Key"} if method == "GET" else set()
    assert {each["name"] for each in listed if each["in"] == "header"} == headers
    assert {f"{{{each['name']}}}" for each in listed if each["in"] == "path"} == {
        segment for segment in path.split("/") if segment.startswith("{")
    }


def parameters(method: str, path: str) -> list[Any]:
    item = CONTRACT["paths"][path]
    return [*item.get("parameters", []), *item[method.lower()].get("parameters", [])]


NUMBERS = [
    (*key, parameter["name"], parameter["schema"])
    for key, operation in OPERATIONS.items()
    for parameter in map(resolve, parameters(*key))
    if parameter["in"] == "query" and parameter["schema"].get("type") == "integer"
]


@pytest.mark.parametrize(("method", "path", "name", "schema"), NUMBERS, ids=lambda each: str(each).rpartition("/")[2])
def test_a_number_may_be_what_the_contract_says(
    running: Service, method: str, path: str, name: str, schema: dict[str, Any]
) -> None:
    asking = Asking(running, method, path)
    least, most = schema["minimum"], schema["maximum"]
    for number, fits in ((least - 1, False), (least, True), (most, True), (most + 1, False)):
        query = "&".join(pair for pair in QUERIES.get(path, "").split("&") if not pair.startswith(f"{name}="))
        asking.needed = "&".join(filter(None, (query, f"{name}={number}")))
        answer = asking.ask()
        assert ("must be a whole number" not in answer.text) is fits, answer.text
        assert fits or answer.status_code == httpx.codes.BAD_REQUEST


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_route_needs_the_scopes_and_the_token_that_the_contract_says(
    running: Service, method: str, path: str
) -> None:
    route: Route
    (route,) = (each for each in running.behind.routes if (each.method, each.template) == (method, path))
    operation = OPERATIONS[method, path]
    assert route.public == (operation.get("security") == [])
    said = operation.get("description", "").replace(",", " ").replace(".", " ").split()
    assert route.scopes == {word for word in said if ":" in word}

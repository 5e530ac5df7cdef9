"""Links that lead nowhere else satisfy the check; each way in which a store may take a link for another does not."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
import pytest

from checks.cross_tenant import check_a_known_id_is_no_key_and_a_link_opens_one_door as check
from tenantproof.model.links_profile import Links
from tenantproof.model.profile import Operation, Profile
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.cross_tenant import CrossTenant
from tenantproof.probes.lent_links import crossing, revived, stretched
from tests.clients.profiles import CANARIES
from tests.probes.examining import examine
from tests.probes.fake_api import FakeApi, Json, Refused

SIGNED = "/exports/1.ndjson"


class Store(FakeApi):
    """An API with a store behind it, whose links are signed over verb, way and time."""

    def __init__(self) -> None:
        super().__init__()
        self.deleted: set[str] = set()

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        parts = urlsplit(url)
        if not parts.path.startswith(("/store-", "/v1/exports/")):
            return super().answer(method, url, headers, body)
        try:
            if parts.path.startswith("/v1/exports/"):
                tenant = self.verify(headers["authorization"].partition(" ")[2])
                return 201, {"link": self.link(tenant, int(json.loads(body)["link_seconds"]))}
            return 200, self.given(method, parts.path, {name: each[0] for name, each in parse_qs(parts.query).items()})
        except Refused as refused:
            return refused.status, refused.body

    def link(self, tenant: str, seconds: int) -> str:
        way, until = f"/store-{tenant}{SIGNED}", str(time.time() + seconds)
        return (
            f"{self.base}{way}?Expires={seconds}&Until={until}&Signature={self.signature('GET', way, until, seconds)}"
        )

    def given(self, method: str, path: str, query: dict[str, str]) -> Json:
        """What the store answers to whoever follows a link."""
        way = self.resolved(path)
        until, seconds = query.get("Until", ""), query.get("Expires", "")
        if not self.holds(method, way, until, seconds, query.get("Signature", "")):
            raise Refused(403, {"error": "SignatureDoesNotMatch"})
        tenant = way.removeprefix("/store-").partition("/")[0]
        if method == "DELETE":
            self.deleted.add(tenant)
        if tenant in self.deleted or not way.endswith(SIGNED):
            raise Refused(404, {"error": "NoSuchKey"})
        return {"canary": CANARIES[tenant]}

    def holds(self, method: str, way: str, until: str, seconds: str, signature: str) -> bool:
        return self.is_signed(method, way, until, seconds, signature) and time.time() < float(until or 0)

    def is_signed(self, method: str, way: str, until: str, seconds: str, signature: str) -> bool:
        return signature == self.signature(method, way, until, seconds)

    def resolved(self, path: str) -> str:
        return path

    def signature(self, *signed: object) -> str:
        return hmac.new(b"key", json.dumps([str(each) for each in signed]).encode(), hashlib.sha256).hexdigest()


class AnyWay(Store):
    """Signs over everything but the way."""

    def signature(self, *signed: object) -> str:
        return super().signature(signed[0], *signed[2:])


class AnyVerb(Store):
    """Signs over everything but the verb."""

    def signature(self, *signed: object) -> str:
        return super().signature(*signed[1:])


class ForEver(Store):
    """Does not look at the clock."""

    def holds(self, method: str, way: str, until: str, seconds: str, signature: str) -> bool:
        return self.is_signed(method, way, until, seconds, signature)


class AsLongAsAsked(Store):
    """Believes what a link says of its own time."""

    def signature(self, *signed: object) -> str:
        return super().signature(*signed[:3])


class LastWord(Store):
    """Signs over what a link says first of its time, and goes by what it says last."""

    def holds(self, method: str, way: str, until: str, seconds: str, signature: str) -> bool:
        return self.is_signed(method, way, until, self.first, signature) and time.time() < float(until) + self.added

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        said = parse_qs(urlsplit(url).query).get("Expires", [""])
        self.first, self.added = said[0], int(said[-1] or 0) - int(said[0] or 0)
        return super().answer(method, url, headers, body)


class Open(Store):
    """Asks for no signature."""

    def is_signed(self, method: str, way: str, until: str, seconds: str, signature: str) -> bool:
        return not signature or super().is_signed(method, way, until, seconds, signature)

    def holds(self, method: str, way: str, until: str, seconds: str, signature: str) -> bool:
        return not signature or super().holds(method, way, until, seconds, signature)


class Climbing(Store):
    """Holds the beginning of the way to the signature, and then follows the dots."""

    def given(self, method: str, path: str, query: dict[str, str]) -> Json:
        if "/.." not in unquote(path):
            return super().given(method, path, query)
        return {"canary": CANARIES[unquote(path).rpartition("/store-")[2].partition("/")[0]]}


class Forgetful(Store):
    """Has no link for one of the tenants."""

    def link(self, tenant: str, seconds: int) -> str:
        return "" if tenant == "globex" else super().link(tenant, seconds)


class Leading(Store):
    """Leads whoever follows its links to somebody else."""

    def link(self, tenant: str, seconds: int) -> str:
        return super().link(tenant, seconds).replace(self.base, "http://127.0.0.1:9")


class Broken(Store):
    """Gives links that are none."""

    def link(self, tenant: str, seconds: int) -> str:
        return f"http://[{tenant}?Signature={'0' * 64}"


class Refusing(Store):
    """Refuses everything."""

    def holds(self, *_: str) -> bool:
        return False


def with_links(profile: Profile, host: str) -> Profile:
    del host
    table = Links(
        operation=Operation(method="POST", path="/v1/exports/{tenant}"),
        principal="reader",
        body={"link_seconds": 60},
        brief={"link_seconds": 1},
        seconds=1.0,
    )
    writing = msgspec.structs.replace(profile.safety, allow_writes=True)
    return msgspec.structs.replace(profile, links=table, safety=writing)


@pytest.fixture
def examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(store: type[Store]) -> Finding:
        return examine(store(), check, CrossTenant, tmp_path, monkeypatch, with_links)

    return run


def test_links_that_lead_nowhere_else_satisfy_the_claim(examined: Any) -> None:
    found: Finding = examined(Store)
    assert found.verdict is Verdict.SATISFIED, found.because
    assert found.trials > 6 * 10


@pytest.mark.parametrize("store", [AnyWay, AnyVerb, ForEver, AsLongAsAsked, LastWord, Open, Climbing])
def test_a_store_that_takes_a_link_for_another_is_found_out(examined: Any, store: type[Store]) -> None:
    assert examined(store).verdict is Verdict.NOT_SATISFIED


@pytest.mark.parametrize("store", [Refusing, Forgetful, Leading, Broken])
def test_links_that_never_lead_anywhere_prove_nothing(examined: Any, store: type[Store]) -> None:
    found: Finding = examined(store)
    assert found.verdict is Verdict.NOT_ASSESSED
    assert "0" * 64 not in found.because


def test_no_signature_stands_in_the_journal(examined: Any, tmp_path: Path) -> None:
    examined(Store)
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"Signature=sha256:" in kept
    issued = Store().signature("GET", f"/store-acme{SIGNED}", "1", 1)
    assert len(issued) == 64
    assert not any(b"Signature=" + digit.encode() in kept for digit in "0123456789abcdef")


def test_every_change_makes_another_link() -> None:
    mine, theirs = (
        f"http://s3.example/b-{tenant}/exports/1?X-Amz-Expires=60&X-Amz-Signature={tenant * 9}" for tenant in "ac"
    )
    made = [*crossing(mine, theirs), *stretched(mine)]
    assert len({(each.verb, each.url) for each in made}) == len(made)
    assert not {("GET", mine), ("GET", theirs)} & {(each.verb, each.url) for each in made}
    dead, *others = (each.url for each in revived(mine))
    assert dead == mine not in others
    assert len(set(others)) == len(others) == 3
    assert {each.vector for each in made} >= {"a longer life", "a listing without a signature"}

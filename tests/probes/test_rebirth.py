"""A tenant that ends with its deletion satisfies the check; each thing that outlives it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from checks.cross_tenant import check_nothing_of_another_tenant_comes_back as check
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import Profile
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.cross_tenant import CrossTenant
from tests.clients.profiles import client_of
from tests.probes.examining import SECRET_ENV, examine
from tests.probes.fake_api import FakeApi, Json, Refused

NAME = "phoenix"
ROOT = "/v1/tenants/{tenant}"


class Registry(FakeApi):
    """An API whose operator makes and deletes a tenant. Every life has keys of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.trails[NAME] = []
        self.lives = 0

    @property
    def is_alive(self) -> bool:
        return NAME in self.records

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        steps = urlsplit(url).path.strip("/").split("/")
        if steps == ["v1", "tenants", NAME]:
            return self.made(json.loads(body)) if method == "POST" else self.deleted()
        if method == "POST" and steps[:3] == ["v1", "tenants", NAME]:
            return self.written(headers, json.loads(body))
        if steps[:2] == ["issuers", NAME] and steps[2] == "token" and not self.issues():
            return 400, {"error": "invalid_client"}
        return super().answer(method, url, headers, body)

    def made(self, asked: Json) -> tuple[int, Json]:
        if self.is_alive or asked != {"name": NAME}:
            return 409, {}
        self.lives += 1
        self.keys[NAME], self.records[NAME] = self.key(), self.rows()
        return 201, {}

    def deleted(self) -> tuple[int, Json]:
        if not self.is_alive:
            return 404, {}
        self.forget()
        return 200, {}

    def written(self, headers: dict[str, str], row: Json) -> tuple[int, Json]:
        try:
            self.verify(headers["authorization"].partition(" ")[2])
        except Refused as refused:
            return refused.status, refused.body
        self.records[NAME][row["id"]] = row["note"]
        return 201, {}

    # What a life begins and ends with

    def key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    def rows(self) -> dict[str, str]:
        return {}

    def issues(self) -> bool:
        return self.is_alive

    def forget(self) -> None:
        del self.records[NAME], self.keys[NAME]


class IssuingOn(Registry):
    """Whose issuer hears of no deletion, and whose API does."""

    def issues(self) -> bool:
        return NAME in self.keys

    def forget(self) -> None:
        del self.records[NAME]

    def gate(self, caller: str, tenant: str) -> None:
        super().gate(caller, tenant)
        if tenant == NAME and not self.is_alive:
            raise Refused(403, {"error": "TENANT_MISMATCH", "message": "no"})


class Suspending(Registry):
    """Takes the name off its list, and answers on."""

    def deleted(self) -> tuple[int, Json]:
        return 200, {}

    def made(self, asked: Json) -> tuple[int, Json]:
        self.records.pop(NAME, None)
        return super().made(asked)


class KeepingRows(Registry):
    """Finds the rows again by the tenant's name."""

    kept: dict[str, str]

    def rows(self) -> dict[str, str]:
        if self.lives == 1:
            self.kept = {}
        return self.kept


class KeepingKeys(IssuingOn):
    """Believes the tokens of the tenant before."""

    def key(self) -> ec.EllipticCurvePrivateKey:
        return self.keys.get(NAME) or super().key()


class KeepingPages(Registry):
    """Has pages of the listing in a cache, by the tenant's name."""

    def __init__(self) -> None:
        super().__init__()
        self.cached: list[Json] = []

    def page(self, tenant: str) -> Json:
        found = super().page(tenant)
        if tenant == NAME:
            self.cached = found["items"] = [*self.cached, *found["items"]]
        return found

    def written(self, headers: dict[str, str], row: Json) -> tuple[int, Json]:
        said = super().written(headers, row)
        self.page(NAME)
        return said


class NeverMaking(Registry):
    """Says that it has, and has not."""

    def made(self, asked: Json) -> tuple[int, Json]:
        del asked
        return 201, {}


class BlindListing(Registry):
    """Lists nothing of a tenant that was made again."""

    def page(self, tenant: str) -> Json:
        return {"items": [], "next_cursor": None} if tenant == NAME else super().page(tenant)


def with_tenancy(profile: Profile, host: str, steps: tuple[str, ...] = ("create", "write", "delete")) -> Profile:
    ways = {
        "create": {"method": "POST", "path": ROOT},
        "write": {"method": "POST", "path": f"{ROOT}/attributions"},
        "delete": {"method": "DELETE", "path": ROOT},
    }
    table = json.loads(msgspec.json.encode(profile))
    table["safety"] |= {"allow_writes": True, "allow_destructive": True}
    table["tenancy"] = {
        "operations": {name: ways[name] for name in steps},
        "operator": client_of(host, "acme", SECRET_ENV),
        "body": {"name": "{tenant}"},
        "seconds": 0.3,
        "tenant": {
            "id": NAME,
            "disposable": True,
            "principals": {"reader": client_of(host, NAME, SECRET_ENV)},
        },
    }
    return msgspec.convert(table, Profile)


@pytest.fixture
def examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(registry: Registry, edited: Any = with_tenancy) -> Finding:
        return examine(registry, check, CrossTenant, tmp_path, monkeypatch, edited)

    return run


@pytest.mark.parametrize(("registry", "tokens"), [(Registry, 1), (IssuingOn, 2)])
def test_a_tenant_that_ends_with_its_deletion_satisfies_the_claim(
    examined: Any, registry: type[Registry], tokens: int
) -> None:
    found: Finding = examined(served := registry())
    assert found.verdict is Verdict.SATISFIED, found.because
    # Six pairs by two operations; a record and a listing by each token; both lives against each other.
    assert found.units == found.tried == 12 + 2 * tokens + 4
    assert served.lives == 2
    assert not served.is_alive, "it was left behind"


def test_where_no_tenant_may_be_made_the_rest_is_tried(examined: Any) -> None:
    found: Finding = examined(served := Registry(), lambda profile, _: profile)
    assert found.verdict is Verdict.SATISFIED, found.because
    assert found.units == found.tried == 12
    assert served.lives == 0


@pytest.mark.parametrize(
    ("registry", "by"),
    [
        (Suspending, "X122 the token it had"),
        (KeepingRows, "X123 the former's record"),
        (KeepingKeys, "J184 by a token of the former"),
        (KeepingPages, "listing for the former's"),
    ],
)
def test_whatever_outlives_a_tenant_is_found(examined: Any, registry: type[Registry], by: str) -> None:
    found: Finding = examined(registry())
    assert found.verdict is Verdict.NOT_SATISFIED
    assert by in found.because


@pytest.mark.parametrize("registry", [NeverMaking, BlindListing])
def test_a_tenant_that_never_lived_proves_nothing(examined: Any, registry: type[Registry]) -> None:
    assert examined(registry()).verdict is Verdict.NOT_ASSESSED


def test_what_an_earlier_run_left_is_deleted_first(examined: Any) -> None:
    served = Registry()
    served.made({"name": NAME})
    assert examined(served).verdict is Verdict.SATISFIED
    assert served.lives == 3


def test_a_table_that_lacks_a_step_names_it(examined: Any) -> None:
    def without_delete(profile: Profile, host: str) -> Profile:
        return with_tenancy(profile, host, ("create", "write"))

    with pytest.raises(UsageError, match=r"tenancy\.operations has no delete"):
        examined(Registry(), without_delete)


def test_nothing_is_made_where_nothing_may_be_destroyed(examined: Any) -> None:
    def unsafe(profile: Profile, host: str) -> Profile:
        made = with_tenancy(profile, host)
        return msgspec.structs.replace(made, safety=msgspec.structs.replace(made.safety, allow_destructive=False))

    examined(served := Registry(), unsafe)
    assert served.lives == 0

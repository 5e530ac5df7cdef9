"""A restore that knows whose an export is satisfies the check; each way to mix tenants by one does not."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from checks.cross_tenant import check_nothing_of_another_tenant_comes_back as check
from tenantproof.model.profile import Profile
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.cross_tenant import CrossTenant
from tests.clients.profiles import CANARIES, MISMATCH
from tests.probes.examining import examine
from tests.probes.fake_api import FakeApi, Json, Refused


class Vault(FakeApi):
    """An API that exports a tenant's rows under a seal, and puts back what is sealed and the tenant's own."""

    def __init__(self) -> None:
        super().__init__()
        self.put_back = 0

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        steps = urlsplit(url).path.strip("/").split("/")
        if method == "GET" or steps[:2] != ["v1", "tenants"]:
            return super().answer(method, url, headers, body)
        try:
            caller = self.verify(headers["authorization"].partition(" ")[2])
            return self.written(method, caller, steps[2], steps[3:], json.loads(body or b"{}"))
        except Refused as refused:
            return refused.status, refused.body

    def written(self, method: str, caller: str, at: str, steps: list[str], said: Json) -> tuple[int, Json]:
        match method, steps:
            case "POST", ["restore"]:
                self.hold(caller, at, said)
                self.put_back += 1
                self.restore(at, said)
                return 200, {"state": "done"}
            case "POST", ["exports"]:
                self.gate(caller, at)
                return 200, self.export(at)
            case "POST", ["attributions"]:
                self.gate(caller, at)
                self.records[at][ident := f"att_{secrets.token_hex(8)}"] = said["note"]
                return 201, {"id": ident}
            case "DELETE", ["attributions", ident]:
                self.gate(caller, at)
                return (200, {}) if self.records[at].pop(ident, None) else (404, {})
        return 404, {}

    # Exports, and what becomes of them

    def export(self, tenant: str) -> Json:
        said = {"tenant": tenant, "rows": dict(self.records[tenant])}
        return {**said, "seal": self.seal(said)}

    def seal(self, said: Json) -> str:
        return hmac.new(b"key", json.dumps([said["tenant"], said["rows"]]).encode(), hashlib.sha256).hexdigest()

    def hold(self, caller: str, at: str, said: Json) -> None:
        """Refuse whoever may not put this back."""
        self.gate(caller, at)
        self.hold_archive(at, said)

    def hold_archive(self, at: str, said: Json) -> None:
        if said["tenant"] != at or said["seal"] != self.seal(said):
            raise Refused(403, MISMATCH)

    def restore(self, at: str, said: Json) -> None:
        self.records[at] |= said["rows"]


class ById(Vault):
    """Keeps exports itself, and is told their ids."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, Json] = {}

    def export(self, tenant: str) -> Json:
        self.kept[ident := secrets.token_hex(8)] = super().export(tenant)
        return {"id": ident}

    def hold_archive(self, at: str, said: Json) -> None:
        super().hold_archive(at, self.kept[said["backup"]])

    def restore(self, at: str, said: Json) -> None:
        super().restore(at, self.kept[said["backup"]])


class AnyId(ById):
    """Takes any id for the caller's."""

    def hold_archive(self, at: str, said: Json) -> None:
        pass


class Lazy(Vault):
    """Puts back what it was given a moment later."""

    def restore(self, at: str, said: Json) -> None:
        threading.Timer(0.15, super().restore, (at, said)).start()


class LazyAndLate(Lazy):
    """Has put it into its queue when it finds that it may not."""

    def hold_archive(self, at: str, said: Json) -> None:
        try:
            super().hold_archive(at, said)
        except Refused:
            self.restore(at, said)
            raise


class Open(Vault):
    """Takes whatever it is given for the caller's."""

    def hold_archive(self, at: str, said: Json) -> None:
        pass


class Ungated(Vault):
    """Looks at the export alone."""

    def gate(self, caller: str, tenant: str) -> None:
        pass

    def tenant_answer(self, steps: list[str], query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, Json]:
        super().gate(self.verify(headers.get("authorization", "").partition(" ")[2]), steps[2])
        return super().tenant_answer(steps, query, headers)


class TooLate(Vault):
    """Refuses when it has written."""

    def hold_archive(self, at: str, said: Json) -> None:
        if said["tenant"] != at:
            self.restore(at, said)
        super().hold_archive(at, said)


class ByName(Vault):
    """Knows exports that it made, asks nothing of others, and puts back to whom they name."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[str, str] = {}

    def export(self, tenant: str) -> Json:
        found = super().export(tenant)
        self.made[json.dumps(found)] = tenant
        return found

    def hold_archive(self, at: str, said: Json) -> None:
        if self.made.get(json.dumps(said), at) != at:
            raise Refused(403, MISMATCH)

    def restore(self, at: str, said: Json) -> None:
        super().restore(said["tenant"], said)


class Merging(Vault):
    """Backs up all that it has, and puts all of it back beside what there is."""

    def __init__(self) -> None:
        super().__init__()
        self.all: dict[str, dict[str, dict[str, str]]] = {}

    def export(self, tenant: str) -> Json:
        self.all[tenant] = copy.deepcopy(self.records)
        return super().export(tenant)

    def restore(self, at: str, said: Json) -> None:
        for tenant, rows in self.all[at].items():
            self.records[tenant] |= rows


class Replacing(Merging):
    """Backs up all that it has, and puts all of it in the place of what there is."""

    def restore(self, at: str, said: Json) -> None:
        self.records = copy.deepcopy(self.all[at])


class RollingBack(Merging):
    """Takes everything back that came since."""

    def restore(self, at: str, said: Json) -> None:
        for tenant, rows in self.records.items():
            self.records[tenant] = {ident: row for ident, row in rows.items() if ident in self.all[at][tenant]}
        self.records[at] |= said["rows"]


class Mixed(Vault):
    """Puts back what lay in the same file."""

    def restore(self, at: str, said: Json) -> None:
        super().restore(at, said)
        self.records[at] |= {f"{ident}-{at}": row for ident, row in self.records["acme-eu"].items()}


class Idle(Vault):
    """Says that it has put it back, and has not."""

    def restore(self, at: str, said: Json) -> None:
        pass


class Restless(Vault):
    """Lists the time with everything."""

    def page(self, tenant: str) -> Json:
        return {**super().page(tenant), "at": secrets.token_hex(4)}


class Odd(Vault):
    """Exports what is no object, and answers a restore with a failure."""

    def export(self, tenant: str) -> Json:
        return [tenant, {"rows": None}]  # type: ignore[return-value]  # it is odd

    def written(self, method: str, caller: str, at: str, steps: list[str], said: Json) -> tuple[int, Json]:
        return (500, {}) if steps == ["restore"] else super().written(method, caller, at, steps, said)


def with_restore(profile: Profile, *, allow: bool = True, **said: Any) -> Profile:
    root = "/v1/tenants/{tenant}"
    table = json.loads(msgspec.json.encode(profile))
    table["safety"] |= {"allow_writes": allow, "allow_destructive": allow}
    for tenant in table["tenants"][:2]:
        tenant["disposable"] = True
    table["restore"] = {
        "export": {"method": "POST", "path": f"{root}/exports"},
        "restore": {"method": "POST", "path": f"{root}/restore"},
        "plant": {"method": "POST", "path": f"{root}/attributions"},
        "delete": {"method": "DELETE", "path": f"{root}/attributions/{{id}}"},
        "object": {"note": "{canary}"},
        "principal": "reader",
        "seconds": 1.0,
        **said,
    }
    return msgspec.convert(table, Profile)


BY_ID = {"archive": "id", "body": {"backup": "{archive}"}}


@pytest.fixture
def examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Finding]:
    def run(api: Vault, **said: Any) -> Finding:
        return examine(
            api, check, CrossTenant, tmp_path, monkeypatch, lambda profile, host: with_restore(profile, **said)
        )

    return run


def vectors(found: Finding) -> set[str]:
    units = [entry.observation.unit for entry in found.counterexamples]
    return {unit.vector for unit in units if unit}


@pytest.mark.parametrize(("api", "said"), [(Vault, {}), (ById, BY_ID), (Lazy, {})])
def test_a_restore_that_knows_whose_an_export_is_satisfies_the_claim(
    examined: Callable[..., Finding], api: type[Vault], said: Any
) -> None:
    found = examined(served := api(), **said)
    assert found.verdict is Verdict.SATISFIED, found.because
    # Of three tenants two may be restored: two pairs, by five ways; four where an export is an id, which names nobody.
    assert found.units == found.tried == 12 + 2 * (4 if said else 5)
    assert served.put_back == 2
    assert {tenant: list(own.values()) for tenant, own in served.records.items()} == {
        tenant: [canary] for tenant, canary in CANARIES.items()
    }


@pytest.mark.parametrize(
    ("api", "said", "by"),
    [
        (Open, {}, {"X064 another's export, under its own path"}),
        (AnyId, BY_ID, {"X064 another's export, under its own path"}),
        (Ungated, {}, {"X064 another's export, under the other's path"}),
        (ByName, {}, {"X064 an own export that names the other"}),
        (Merging, {}, {"X124 another's state"}),
        (Replacing, {}, {"X124 another's state"}),
        (RollingBack, {}, {"X124 another's state"}),
        (Mixed, {}, {"X124 another's rows"}),
    ],
)
def test_a_restore_that_mixes_tenants_is_found(
    examined: Callable[..., Finding], api: type[Vault], said: Any, by: set[str]
) -> None:
    found = examined(api(), **said)
    assert found.verdict is Verdict.NOT_SATISFIED, found.because
    assert vectors(found) == by


@pytest.mark.parametrize("api", [TooLate, LazyAndLate])
def test_what_is_refused_and_written_is_found(examined: Callable[..., Finding], api: type[Vault]) -> None:
    found = examined(api())
    assert found.verdict is Verdict.NOT_SATISFIED, found.because
    assert "compares what it has" in found.because
    assert vectors(found) == set()


@pytest.mark.parametrize("api", [Idle, Restless, Odd])
def test_a_restore_that_shows_nothing_proves_nothing(examined: Callable[..., Finding], api: type[Vault]) -> None:
    assert examined(api(), seconds=0.1).verdict is Verdict.NOT_ASSESSED


def test_nothing_is_put_back_where_nothing_may_be_destroyed(examined: Callable[..., Finding]) -> None:
    found = examined(served := Open(), allow=False)
    assert (found.verdict, found.units, served.put_back) == (Verdict.SATISFIED, 12, 0)

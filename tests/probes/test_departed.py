"""What is gone and answered like what never was satisfies the check; each way to tell them apart does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from checks.cross_tenant import check_existence_can_not_be_inferred as check
from tenantproof.model.profile import Profile
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.cross_tenant import CrossTenant
from tests.clients.profiles import client_of
from tests.probes.examining import SECRET_ENV, examine
from tests.probes.fake_api import FakeApi, Json, Refused

OWNER = "alder"
ROOT = "/v1/tenants/{tenant}"
GONE = {"error": "NOT_FOUND", "message": "It is no longer there."}


class Office(FakeApi):
    """An API with a tenant more, whose records may be written, erased by their subject, and deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.keys[OWNER] = ec.generate_private_key(ec.SECP256R1())
        self.records[OWNER], self.trails[OWNER] = {}, []
        self.subjects: dict[str, str] = {}
        self.gone: set[str] = set()

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        steps = urlsplit(url).path.strip("/").split("/")
        if method == "POST" and steps[-1] == "attributions":
            return self.write_down(json.loads(body))
        if method == "DELETE" and steps[3] == "subjects":
            return self.erase(steps[4])
        if method == "DELETE":
            return self.delete(steps[4])
        return super().answer(method, url, headers, body)

    def write_down(self, row: Json) -> tuple[int, Json]:
        self.records[OWNER][row["id"]] = row["note"]
        self.subjects[row["subject_id"]] = row["id"]
        return 201, {}

    def erase(self, subject: str) -> tuple[int, Json]:
        del self.records[OWNER][self.subjects[subject]]
        self.gone.add(self.subjects[subject])
        dates = dict.fromkeys(("unreadable_since", "unrecoverable_from"), "2026-06-01T00:00:00Z")
        return 200, {"certificate": dates}

    def delete(self, record: str) -> tuple[int, Json]:
        del self.records[OWNER][record]
        self.gone.add(record)
        return 200, {}


class Remembering(Office):
    """Says of what is gone that it is gone, to whoever asks."""

    def read(self, tenant: str, record: str) -> Json:
        if record in self.gone:
            raise Refused(404, GONE)
        return super().read(tenant, record)


class RememberingItsOwn(Office):
    """Says it to the owner alone."""

    def read(self, tenant: str, record: str) -> Json:
        if record in self.gone and tenant == OWNER:
            raise Refused(404, GONE)
        return super().read(tenant, record)


class LookingFirst(Office):
    """Looks for the record before it looks who asks."""

    def tenant_answer(self, steps: list[str], query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, Json]:
        if steps[2] == OWNER and steps[-1] in self.gone and self.verify(headers["authorization"][7:]) != OWNER:
            raise Refused(404, GONE)
        return super().tenant_answer(steps, query, headers)


class Keeping(Office):
    """Certifies without having erased anything that it could be asked for."""

    def erase(self, subject: str) -> tuple[int, Json]:
        del subject
        return 200, {}


class Deaf(Office):
    """Says that it has written, and has not."""

    def write_down(self, row: Json) -> tuple[int, Json]:
        self.subjects[row["subject_id"]] = row["id"]
        return 201, {}


def with_erasure(profile: Profile, host: str, operations: tuple[str, ...] = ("write", "shred", "delete")) -> Profile:
    credential = {"arn": "arn:aws:iam::1:user/a", "access_key_id": "a", "secret_access_key": {"env": SECRET_ENV}}
    ways = {
        "write": {"method": "POST", "path": f"{ROOT}/attributions"},
        "shred": {"method": "DELETE", "path": f"{ROOT}/subjects/{{id}}"},
        "delete": {"method": "DELETE", "path": f"{ROOT}/attributions/{{id}}"},
    }
    table = json.loads(msgspec.json.encode(profile))
    # Nobody listens there: no key is touched by what is tried here.
    table["aws"] = {"endpoint": "http://127.0.0.1:9", "region": "eu-west-1", "workload": credential}
    table["safety"] |= {"allow_writes": True, "allow_destructive": True, "timeout_seconds": 1}
    table["safety"]["hosts"].append("127.0.0.1:9")
    table["erasure"] = {
        "operations": {name: ways[name] for name in operations},
        "template": {},
        "principal": "reader",
        "tenant": {
            "id": OWNER,
            "disposable": True,
            "principals": {"reader": client_of(host, OWNER, SECRET_ENV)},
            "key_arn": "arn:aws:kms:eu-west-1:1:key/k",
            "aws": {"keyadmin": credential},
        },
    }
    return msgspec.convert(table, Profile)


@pytest.fixture
def examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(office: type[Office], edited: Any = with_erasure) -> Finding:
        return examine(office(), check, CrossTenant, tmp_path, monkeypatch, edited)

    return run


def test_what_is_gone_as_if_it_never_was_satisfies_the_claim(examined: Any) -> None:
    found: Finding = examined(Office)
    assert found.verdict is Verdict.SATISFIED, found.because
    # Beside the six pairs of tenants: three who ask for what is the fourth's, and the fourth for its own.
    assert found.units == found.tried == 6 + 3 + 1


def test_where_nothing_may_be_erased_the_rest_is_compared(examined: Any) -> None:
    found: Finding = examined(Office, lambda profile, _: profile)
    assert found.verdict is Verdict.SATISFIED, found.because
    assert found.units == found.tried == 6


@pytest.mark.parametrize("office", [Remembering, RememberingItsOwn, LookingFirst])
def test_an_api_that_remembers_what_is_gone_is_found_out(examined: Any, office: type[Office]) -> None:
    assert examined(office).verdict is Verdict.NOT_SATISFIED


def test_only_a_deletion_must_leave_nothing_to_the_owner(examined: Any) -> None:
    def erasing_alone(profile: Profile, host: str) -> Profile:
        return with_erasure(profile, host, ("write", "shred"))

    assert examined(RememberingItsOwn, erasing_alone).verdict is Verdict.SATISFIED


@pytest.mark.parametrize("office", [Keeping, Deaf])
def test_what_was_never_there_or_never_went_proves_nothing(examined: Any, office: type[Office]) -> None:
    assert examined(office).verdict is Verdict.NOT_ASSESSED

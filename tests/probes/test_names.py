"""Names that tell nothing satisfy the check; each way in which an answer tells whose a name is does not."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from checks.cross_tenant import check_existence_can_not_be_inferred as check
from checks.cross_tenant import check_time_tells_nothing_of_what_is_there as timed
from tenantproof.clients.exchange import Answer, Request
from tenantproof.model.names_profile import Question
from tenantproof.model.profile import Profile
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.cross_tenant import CrossTenant, Latency
from tenantproof.probes.names import masked, nobody_like
from tests.clients.profiles import CANARIES
from tests.probes.examining import examine
from tests.probes.fake_api import FakeApi, Json, Refused

ADDRESSES = {tenant: f"mallow{index}@{tenant}.example" for index, tenant in enumerate(CANARIES)}
SLUGS = {tenant: f"ledger-{index}" for index, tenant in enumerate(CANARIES)}
PASSWORD = "correct horse"


class Lobby(FakeApi):
    """An API with a login, resets, invitations, and projects whose names are a tenant's own."""

    def __init__(self) -> None:
        super().__init__()
        self.things = {tenant: {"n": slug} for tenant, slug in SLUGS.items()}
        self.made = 0

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        steps = urlsplit(url).path.strip("/").split("/")
        try:
            if steps == ["login"]:
                form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
                return self.login(form["user"], form["password"])
            if steps == ["reset"]:
                return self.reset(json.loads(body)["email"])
            if steps[3:4] in (["invitations"], ["projects"]):
                tenant = self.verify(headers["authorization"].partition(" ")[2])
                self.gate(tenant, steps[2])
                if method == "DELETE":
                    return self.removed(tenant, steps[4])
                said = json.loads(body)
                return self.invite(tenant, said["email"]) if "email" in said else self.make(tenant, said["slug"])
        except Refused as refused:
            return refused.status, refused.body
        return super().answer(method, url, headers, body)

    def login(self, user: str, password: str) -> tuple[int, Json]:
        if user in ADDRESSES.values() and password == PASSWORD:
            return 200, {"token": "t"}
        return self.not_let_in(user)

    def not_let_in(self, user: str) -> tuple[int, Json]:
        return 401, {"error": "BAD_LOGIN", "user": user}

    def reset(self, email: str) -> tuple[int, Json]:
        return 202, {"sent_to": email}

    def invite(self, tenant: str, email: str) -> tuple[int, Json]:
        return 201, {"id": self.added(tenant, email), "email": email, "number": self.made}

    def make(self, tenant: str, slug: str) -> tuple[int, Json]:
        if holder := self.holder(tenant, slug):
            return 409, self.conflict(tenant, holder)
        return 201, {"id": self.added(tenant, slug), "slug": slug, "number": self.made}

    def holder(self, tenant: str, slug: str) -> str:
        """The tenant because of which a project can't be called that."""
        return tenant if slug in self.things[tenant].values() else ""

    def conflict(self, tenant: str, holder: str) -> Json:
        return {"error": "TAKEN"}

    def added(self, tenant: str, name: str) -> str:
        self.made += 1
        self.things[tenant][f"n{self.made}"] = name
        return f"n{self.made}"

    def removed(self, tenant: str, ident: str) -> tuple[int, Json]:
        del self.things[tenant][ident]
        return 200, {}


class TellingLogin(Lobby):
    """Knows nobody of that name."""

    def not_let_in(self, user: str) -> tuple[int, Json]:
        return (401, {"error": "BAD_PASSWORD"}) if user in ADDRESSES.values() else (401, {"error": "NO_SUCH_USER"})


class TellingReset(Lobby):
    """Says to how many it sent something."""

    def reset(self, email: str) -> tuple[int, Json]:
        return 202, {"sent": int(email in ADDRESSES.values())}


class TellingInvitation(Lobby):
    """Has everybody in one table of users."""

    def invite(self, tenant: str, email: str) -> tuple[int, Json]:
        return (409, {"error": "HAS_AN_ACCOUNT"}) if email in ADDRESSES.values() else super().invite(tenant, email)


class OneIndex(Lobby):
    """Has all projects in one table, under one unique index."""

    def holder(self, tenant: str, slug: str) -> str:
        return next((each for each, own in self.things.items() if slug in own.values()), "")


class NamingIndex(OneIndex):
    """Tells more of a project to whoever has it."""

    def conflict(self, tenant: str, holder: str) -> Json:
        return {"error": "TAKEN", "yours": tenant == holder}


class LeakingIndex(OneIndex):
    """Shows what is called so already, whosever it is."""

    def conflict(self, tenant: str, holder: str) -> Json:
        return {"error": "TAKEN", "by": next(iter(self.records[holder].values()))}


class Blurting(Lobby):
    """Shows the same of somebody to everybody."""

    def reset(self, email: str) -> tuple[int, Json]:
        return 202, {"last": CANARIES["globex"]}


class Duplicating(Lobby):
    """Gives a name as often as it is asked for."""

    def holder(self, tenant: str, slug: str) -> str:
        return ""


class Shut(Lobby):
    """Lets nobody in, whatever the password."""

    def login(self, user: str, password: str) -> tuple[int, Json]:
        return self.not_let_in(user)


class Restless(Lobby):
    """Says something else every time."""

    def reset(self, email: str) -> tuple[int, Json]:
        self.made += 1
        return 202, {"ticket": self.made}


class Hiccuping(Lobby):
    """Is busy, once, when it is asked for somebody."""

    def reset(self, email: str) -> tuple[int, Json]:
        if email == ADDRESSES["globex"] and not self.made:
            self.made += 1
            return 503, {"error": "BUSY"}
        return super().reset(email)


class Odd(Lobby):
    """Answers with what is no object, and with ids that are none."""

    def reset(self, email: str) -> tuple[int, Json]:
        return 202, [{"id": {"id": []}}, "\ud800"]  # type: ignore[return-value]  # it is odd

    def added(self, tenant: str, name: str) -> str:
        del tenant, name
        return {"of": []}  # type: ignore[return-value]  # it is odd


class Slow(Lobby):
    """Hashes the password of whoever is known."""

    def not_let_in(self, user: str) -> tuple[int, Json]:
        time.sleep(0.02 if user in ADDRESSES.values() else 0)
        return super().not_let_in(user)


QUESTIONS: dict[str, Json] = {
    "login": {
        "operation": {"method": "POST", "path": "/login"},
        "known": ADDRESSES,
        "body": {"user": "{name}", "password": "{secret}"},
        "form": True,
        "secrets": {"acme": {"env": "PASSWORD_OF_ACME"}},
    },
    "reset": {"operation": {"method": "POST", "path": "/reset"}, "known": ADDRESSES, "body": {"email": "{name}"}},
    "invitation": {
        "operation": {"method": "POST", "path": "/v1/tenants/{tenant}/invitations"},
        "remove": {"method": "DELETE", "path": "/v1/tenants/{tenant}/invitations/{id}"},
        "principal": "reader",
        "known": ADDRESSES,
        "body": {"email": "{name}"},
        "varying": ["number"],
    },
    "project": {
        "operation": {"method": "POST", "path": "/v1/tenants/{tenant}/projects"},
        "remove": {"method": "DELETE", "path": "/v1/tenants/{tenant}/projects/{id}"},
        "principal": "reader",
        "known": SLUGS,
        "body": {"slug": "{name}"},
        "unique": "tenant",
        "varying": ["number"],
    },
}
UNITS = {"login": 3, "reset": 3, "invitation": 6, "project": 6}


def asking(*questions: str, allow: bool = True, **changed: Any) -> Callable[[Profile, str], Profile]:
    def edited(profile: Profile, host: str) -> Profile:
        table = json.loads(msgspec.json.encode(profile))
        table["safety"]["allow_writes"] = allow
        table["names"] = [{"what": each, **QUESTIONS[each], **changed} for each in questions or QUESTIONS]
        return msgspec.convert(table, Profile)

    return edited


@pytest.fixture
def examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PASSWORD_OF_ACME", PASSWORD)

    def run(lobby: Lobby, edited: Any = None) -> Finding:
        return examine(lobby, check, CrossTenant, tmp_path, monkeypatch, edited or asking())

    return run


def test_names_that_tell_nothing_satisfy_the_claim(examined: Any, tmp_path: Path) -> None:
    found: Finding = examined(lobby := Lobby())
    assert found.verdict is Verdict.SATISFIED, found.because
    assert found.units == found.tried == 6 + sum(UNITS.values())
    assert {tenant: list(own.values()) for tenant, own in lobby.things.items()} == {t: [s] for t, s in SLUGS.items()}
    assert lobby.made > 20
    assert not any(PASSWORD.encode() in file.read_bytes() for file in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("lobby", "by"),
    [
        (TellingLogin, "login"),
        (TellingReset, "reset"),
        (TellingInvitation, "invitation"),
        (OneIndex, "project"),
        (LeakingIndex, "project"),
        (Blurting, "reset"),
    ],
)
def test_an_answer_that_tells_whose_a_name_is_is_found(examined: Any, lobby: type[Lobby], by: str) -> None:
    found: Finding = examined(lobby())
    assert found.verdict is Verdict.NOT_SATISFIED
    assert {entry.observation.unit.operation for entry in found.counterexamples if entry.observation.unit} == {by}


@pytest.mark.parametrize(
    ("lobby", "verdict"),
    [(OneIndex, Verdict.SATISFIED), (NamingIndex, Verdict.NOT_SATISFIED), (LeakingIndex, Verdict.NOT_SATISFIED)],
)
def test_names_that_are_everybodys_by_contract_may_be_taken_but_not_by_somebody(
    examined: Any, lobby: type[Lobby], verdict: Verdict
) -> None:
    assert examined(lobby(), asking("project", unique="global")).verdict is verdict


@pytest.mark.parametrize("lobby", [Shut, Duplicating, Restless])
def test_questions_that_nobody_is_answered_prove_nothing(examined: Any, lobby: type[Lobby]) -> None:
    assert examined(lobby()).verdict is Verdict.NOT_ASSESSED


def test_answers_of_any_shape_are_survived(examined: Any) -> None:
    assert examined(Odd(), asking("reset", "invitation")).verdict is Verdict.SATISFIED


def test_a_difference_that_does_not_come_back_is_none(examined: Any) -> None:
    found: Finding = examined(lobby := Hiccuping(), asking("reset"))
    assert found.verdict is Verdict.SATISFIED, found.because
    assert lobby.made == 1


def test_nothing_is_asked_for_where_nothing_may_be_written(examined: Any) -> None:
    found: Finding = examined(lobby := TellingInvitation(), asking(allow=False))
    assert (found.verdict, found.units, lobby.made) == (Verdict.SATISFIED, 6, 0)


@pytest.mark.parametrize(
    ("lobby", "verdict"), [(Lobby, Verdict.SATISFIED), (Slow, Verdict.NOT_SATISFIED)], ids=["alike", "slow"]
)
def test_a_login_that_takes_longer_for_who_is_known_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lobby: type[Lobby], verdict: Verdict
) -> None:
    monkeypatch.setattr(Latency, "contrasts", lambda self: iter(()))
    found = examine(lobby(), timed, Latency, tmp_path, monkeypatch, asking("login", timed=True))
    assert found.verdict is verdict, found.because
    assert found.units == 3


def test_what_is_new_every_time_is_masked_and_nothing_else() -> None:
    question = msgspec.convert({"what": "login", **QUESTIONS["login"], "varying": ["at"]}, Question)
    headers = (("Set-Cookie", "sid=0123; Path=/"), ("X", "y"))
    answer = Answer(status=200, headers=headers, body=b'{"id": 7, "at": "noon", "n": 1}')
    asked = Request(method="GET", target="/", probe="p")
    assert masked(question, "n@x", asked, answer) == ["n@x", "p", "7", "noon", "0123"]


def test_an_address_of_nobody_is_at_the_same_place() -> None:
    drawn = {nobody_like("a1@acme.example", {"a1"}) for _ in range(50)}
    assert all(re.fullmatch(r"[a-f][0-9]@acme\.example", each) for each in drawn)
    assert "a1@acme.example" not in drawn
    assert re.fullmatch(r"[a-z]{6}-[0-9]", nobody_like("ledger-0", {"ledger-0"}))

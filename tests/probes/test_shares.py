"""Links that show their own object alone satisfy the check; each way to be shown another's, or for longer, does not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
import pytest

from checks.cross_tenant import check_a_known_id_is_no_key_and_a_link_opens_one_door as check
from tenantproof.model.profile import Profile
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.cross_tenant import CrossTenant
from tenantproof.probes.shared_links import crossing, strays
from tests.clients.profiles import CANARIES, MISMATCH
from tests.probes.examining import examine
from tests.probes.fake_api import FakeApi, Json, Refused

NOT_FOUND = {"error": "NOT_FOUND", "message": "No such resource."}


class Gallery(FakeApi):
    """An API whose records tenants share by random tokens, with the record's id behind them for show."""

    def __init__(self) -> None:
        super().__init__()
        self.shared: dict[str, tuple[str, str]] = {}
        self.tokens: dict[str, str] = {}
        self.followed = 0

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        parts = urlsplit(url)
        steps = [unquote(step) for step in parts.path.strip("/").split("/")]
        try:
            if steps[0] == "public":
                self.followed += 1
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                return 200, self.seen(steps[1:], query)
            if method != "GET" and steps[:2] == ["v1", "tenants"]:
                caller = self.verify(headers["authorization"].partition(" ")[2])
                return self.written(method, caller, steps[2:], json.loads(body or b"{}"))
        except Refused as refused:
            return refused.status, refused.body
        return super().answer(method, url, headers, body)

    def written(self, method: str, caller: str, steps: list[str], said: Json) -> tuple[int, Json]:
        self.gate(caller, steps[0])
        match method, steps[1:]:
            case "POST", ["attributions", record, "shares"]:
                return 201, self.share(caller, record)
            case "DELETE", ["shares", ident]:
                self.revoke(ident)
            case "POST", ["attributions"]:
                record = f"att_{secrets.token_hex(8)}"
                self.records[caller][record] = said["note"]
                return 201, {"id": record}
            case "DELETE", ["attributions", record]:
                self.forget(caller, record)
        return 200, {}

    # What is shared, and what is shown

    def share(self, tenant: str, record: str) -> Json:
        if record not in self.records[tenant]:
            raise Refused(404, NOT_FOUND)
        token = self.token(tenant, record)
        self.shared[token] = (tenant, record)
        self.tokens[ident := secrets.token_hex(4)] = token
        return {"id": ident, "link": self.link(token, record)}

    def token(self, tenant: str, record: str) -> str:
        return secrets.token_urlsafe(16)

    def link(self, token: str, record: str) -> str:
        return f"/public/{token}/{record}"

    def revoke(self, ident: str) -> None:
        del self.shared[self.tokens[ident]]

    def forget(self, tenant: str, record: str) -> None:
        del self.records[tenant][record]

    def seen(self, steps: list[str], query: dict[str, str]) -> Json:
        tenant, record = self.meant(self.found(steps[0] if steps else ""), steps[1:], query)
        return self.shown(tenant, record)

    def shown(self, tenant: str, record: str) -> Json:
        return self.read(tenant, record)

    def found(self, token: str) -> tuple[str, str]:
        if token not in self.shared:
            raise Refused(404, NOT_FOUND)
        return self.shared[token]

    def meant(self, shared: tuple[str, str], rest: list[str], query: dict[str, str]) -> tuple[str, str]:
        """The object that is shown."""
        return shared

    def owner(self, record: str) -> str:
        return next((tenant for tenant, own in self.records.items() if record in own), "")


class Signed(Gallery):
    """Has all that it needs to know in the token, signed, and a list of those that were taken back."""

    def token(self, tenant: str, record: str) -> str:
        return self.sealed(json.dumps({"tenant": tenant, "record": record, "n": secrets.token_hex(4)}).encode())

    def sealed(self, said: bytes) -> str:
        tag = hmac.new(b"key", said, hashlib.sha256).digest()
        return ".".join(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in (said, tag))

    def found(self, token: str) -> tuple[str, str]:
        said = base64.urlsafe_b64decode(token.partition(".")[0] + "==")
        if not self.is_sealed(token, said):
            raise Refused(404, NOT_FOUND)
        told = json.loads(said)
        if token not in self.shared and self.is_listed():
            raise Refused(404, NOT_FOUND)
        return told["tenant"], told["record"]

    def is_sealed(self, token: str, said: bytes) -> bool:
        return self.sealed(said) == token

    def is_listed(self) -> bool:
        return True


class Unsigned(Signed):
    """Believes its tokens."""

    def is_sealed(self, token: str, said: bytes) -> bool:
        return bool(said)

    def is_listed(self) -> bool:
        return False

    def found(self, token: str) -> tuple[str, str]:
        try:
            return super().found(token)
        except ValueError:
            raise Refused(404, NOT_FOUND) from None


class ByDecoration(Gallery):
    """Goes by what stands behind the token for show."""

    def meant(self, shared: tuple[str, str], rest: list[str], query: dict[str, str]) -> tuple[str, str]:
        return (self.owner(rest[-1]), rest[-1]) if rest and self.owner(rest[-1]) else shared


class ByQuery(Gallery):
    """Lets the query say which object."""

    def meant(self, shared: tuple[str, str], rest: list[str], query: dict[str, str]) -> tuple[str, str]:
        asked = query.get("id", shared[1])
        return self.owner(asked), asked


class Listing(Gallery):
    """Lists all that is shared beside each other."""

    def seen(self, steps: list[str], query: dict[str, str]) -> Json:
        return (
            super().seen(steps, query) if any(steps) else {"items": [self.read(*each) for each in self.shared.values()]}
        )

    def link(self, token: str, record: str) -> str:
        return f"/public/{token}"


class Sharing(Gallery):
    """Shares whatever it is asked to."""

    def share(self, tenant: str, record: str) -> Json:
        return super().share(self.owner(record), record)


class Ungated(Gallery):
    """Lets anybody share under any path."""

    def written(self, method: str, caller: str, steps: list[str], said: Json) -> tuple[int, Json]:
        return super().written(method, steps[0], steps, said)


class Echoing(Gallery):
    """Refuses, and shows what it refuses."""

    def share(self, tenant: str, record: str) -> Json:
        if record not in self.records[tenant]:
            raise Refused(403, {"error": "NOT_YOURS", "of": self.records[self.owner(record)][record]})
        return super().share(tenant, record)


class Beginnings(Gallery):
    """Looks tokens up by how they begin."""

    def found(self, token: str) -> tuple[str, str]:
        beginning = token[:8]
        found = next((each for own, each in self.shared.items() if own[:8] == beginning), None)
        return found or super().found(token)


class Everlasting(Gallery):
    """Takes nothing back."""

    def revoke(self, ident: str) -> None:
        pass


class Caching(Gallery):
    """Shows what was taken back for a moment more."""

    def revoke(self, ident: str) -> None:
        threading.Timer(0.15, super().revoke, (ident,)).start()


class Copying(Gallery):
    """Shows a copy that was made when the object was shared."""

    def __init__(self) -> None:
        super().__init__()
        self.copies: dict[str, Json] = {}

    def share(self, tenant: str, record: str) -> Json:
        self.copies[record] = self.read(tenant, record)
        return super().share(tenant, record)

    def shown(self, tenant: str, record: str) -> Json:
        return self.copies[record]


class Blank(Gallery):
    """Shows nothing to anybody."""

    def shown(self, tenant: str, record: str) -> Json:
        return {}


class Astray(Gallery):
    """Gives links to somewhere else."""

    def link(self, token: str, record: str) -> str:
        return "http://127.0.0.1:9/public/x"


class Odd(Gallery):
    """Gives links that are none."""

    def share(self, tenant: str, record: str) -> Json:
        return {"id": {}, "link": ["http://[", 7] if tenant == "acme" else "http://[::"}


def with_shares(profile: Profile, host: str, **said: Any) -> Profile:
    del host
    root = "/v1/tenants/{tenant}"
    table = json.loads(msgspec.json.encode(profile))
    table["safety"]["allow_writes"] = said.pop("allow", True)
    table["shares"] = {
        "create": {"method": "POST", "path": f"{root}/attributions/{{id}}/shares"},
        "revoke": {"method": "DELETE", "path": f"{root}/shares/{{id}}"},
        "plant": {"method": "POST", "path": f"{root}/attributions"},
        "delete": {"method": "DELETE", "path": f"{root}/attributions/{{id}}"},
        "object": {"note": "{canary}"},
        "principal": "reader",
        "seconds": 0.2,
        **said,
    }
    return msgspec.convert(table, Profile)


@pytest.fixture
def examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(api: Gallery, **said: Any) -> Finding:
        return examine(
            api, check, CrossTenant, tmp_path, monkeypatch, lambda profile, host: with_shares(profile, host, **said)
        )

    return run


def vectors(found: Finding) -> set[str]:
    units = [entry.observation.unit for entry in found.counterexamples]
    return {unit.vector.removeprefix("X085 ") for unit in units if unit}


@pytest.mark.parametrize(("api", "crossings"), [(Gallery, 4), (Signed, 5)])
def test_links_that_show_their_own_object_alone_satisfy_the_claim(
    examined: Any, tmp_path: Path, api: type[Gallery], crossings: int
) -> None:
    found: Finding = examined(served := api())
    assert found.verdict is Verdict.SATISFIED, found.because
    # Six pairs; two ways to share, and so many to change a link. Three tenants; three ways to guess, and two ends.
    assert found.units == found.tried == 6 + 6 * (2 + crossings) + 3 * (3 + 2)
    assert {tenant: list(own.values()) for tenant, own in served.records.items()} == {
        tenant: [canary] for tenant, canary in CANARIES.items()
    }
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert served.tokens
    assert not any(token.encode() in kept for token in served.tokens.values())


@pytest.mark.parametrize(
    ("api", "by"),
    [
        (Unsigned, {"the other's names in it, in base64"}),
        (ByDecoration, {"the other's names in it, plain", "the other's id behind it"}),
        (ByQuery, {"the other's id in its query"}),
        (Listing, {"all that is beside it", "nothing of it"}),
        (Sharing, {"another's object, under its own path"}),
        (Ungated, {"another's object, under the other's path"}),
        (Echoing, {"another's object, under its own path"}),
        (Beginnings, {"one character of it changed", "half of it"}),
        (Everlasting, {"a link that was taken back"}),
        (Copying, {"a link to what was deleted"}),
    ],
)
def test_a_link_that_shows_more_is_found_out(examined: Any, api: type[Gallery], by: set[str]) -> None:
    found: Finding = examined(api())
    assert found.verdict is Verdict.NOT_SATISFIED, found.because
    assert vectors(found) <= by
    assert vectors(found)


@pytest.mark.parametrize("api", [Blank, Astray, Odd])
def test_links_that_show_nothing_prove_nothing(examined: Any, api: type[Gallery]) -> None:
    assert examined(api()).verdict is Verdict.NOT_ASSESSED


def test_a_token_alone_is_made_a_link_as_the_profile_says(examined: Any) -> None:
    class Tokens(Gallery):
        def link(self, token: str, record: str) -> str:
            return token

    found = examined(Tokens(), follow={"method": "GET", "path": "/public/{token}"}, plant=None, delete=None)
    assert found.verdict is Verdict.SATISFIED, found.because
    assert found.units == 6 + 6 * (2 + 3) + 3 * (3 + 1)


@pytest.mark.parametrize(("seconds", "verdict"), [(2.0, Verdict.SATISFIED), (0.0, Verdict.NOT_SATISFIED)])
def test_what_is_taken_back_may_be_shown_for_as_long_as_is_promised(
    examined: Any, seconds: float, verdict: Verdict
) -> None:
    assert examined(Caching(), seconds=seconds).verdict is verdict


def test_nothing_is_shared_where_nothing_may_be_written(examined: Any) -> None:
    found: Finding = examined(served := Everlasting(), allow=False)
    assert (found.verdict, found.units, served.followed) == (Verdict.SATISFIED, 6, 0)


def test_what_was_shared_is_taken_back_however_it_ends(examined: Any) -> None:
    class Failing(Gallery):
        def seen(self, steps: list[str], query: dict[str, str]) -> Json:
            if self.followed > 3:
                raise Refused(500, MISMATCH)
            return super().seen(steps, query)

    examined(served := Failing())
    assert served.shared == {}


def test_every_change_makes_another_link_and_leaves_the_origin_alone() -> None:
    own = "https://acme.example/share/0123456789abcdef/att_1?t=acme"
    names = {"att_1": "att_2", "acme": "globex"}
    others = ["https://acme.example/share/fedcba9876543210/att_2?t=globex"]
    made = [*crossing(own, names, "att_2"), *strays(own, names, others)]
    links = [url for _, url in made]
    assert len(set(links)) == len(links) == 4 + 3
    assert own not in links
    assert {urlsplit(url).netloc for url in links} == {"acme.example"}
    assert dict(made)["the other's names in it, plain"] == own.replace("att_1", "att_2").replace("t=acme", "t=globex")
    assert dict(made)["nothing of it"] == own.replace("0123456789abcdef", "")
    assert list(strays("https://x.example/o/att_1", names, others)) == []
    # What all links have in them is the way, and what is beside the secret goes with it.
    two = "https://x.example/shared-with/0123456789abcdef/a-slug-of-its-own"
    assert dict(strays(two, names, ["/shared-with/x"]))["nothing of it"] == "https://x.example/shared-with//"

"""Ids that count nothing of others satisfy the check, whatever they are; each way of counting others does not."""

from __future__ import annotations

import base64
import itertools
import json
import secrets
import string
import time
import uuid
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import pytest

from checks.cross_tenant import check_existence_can_not_be_inferred as check
from tenantproof.model.profile import Profile
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.cross_tenant import CrossTenant
from tenantproof.probes.numbering import grow, numbers
from tests.probes.examining import examine
from tests.probes.fake_api import FakeApi, Json, Refused


class Notes(FakeApi):
    """An API in which tenants make and delete notes, under ids of four kinds of nothing to count."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: dict[str, str] = {}
        self.counted: defaultdict[str, int] = defaultdict(int)
        self.made = 0

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        steps = urlsplit(url).path.strip("/").split("/")
        if steps[3:4] != ["notes"]:
            return super().answer(method, url, headers, body)
        try:
            tenant = self.verify(headers["authorization"].partition(" ")[2])
            self.gate(tenant, steps[2])
        except Refused as refused:
            return refused.status, refused.body
        if method == "POST":
            return self.add(tenant, json.loads(body))
        return (200, {}) if self.notes.pop(unquote(steps[4]), "") == tenant else (404, {})

    def add(self, tenant: str, note: Json) -> tuple[int, Json]:
        assert len(note["text"]) == 24
        with self.lock:
            self.made += 1
            ident = self.ident(tenant)
            self.notes[str(ident)] = tenant
        return 201, {"id": ident}

    def ident(self, tenant: str) -> str | int:
        """The new id: random."""
        return str(uuid.uuid4())

    def count(self, of: str = "") -> int:
        self.counted[of] += 1
        return self.counted[of]


class OwnNumbers(Notes):
    """Counts each tenant's own."""

    def ident(self, tenant: str) -> str | int:
        return self.count(tenant)


class Random(Notes):
    """Random digits and letters, behind a kind."""

    def ident(self, tenant: str) -> str | int:
        return f"note_{''.join(secrets.choice(string.ascii_letters + string.digits) for _ in range(12))}"


class ByTime(Notes):
    """UUIDs of version 7: milliseconds, then chance."""

    def ident(self, tenant: str) -> str | int:
        return str(uuid.UUID(int=(time.time_ns() // 10**6) << 80 | 7 << 76 | 2 << 62 | secrets.randbits(60)))


class ByMoreTime(Notes):
    """UUIDs of version 1: time in units of 100 ns."""

    def ident(self, tenant: str) -> str | int:
        return str(uuid.uuid1(node=1, clock_seq=1))


class Numbers(Notes):
    """Counts all notes of everybody."""

    def ident(self, tenant: str) -> str | int:
        return self.spelled(self.count())

    def spelled(self, number: int) -> str | int:
        return number


class Padded(Numbers):
    """The same, with zeros before and a kind in front."""

    def spelled(self, number: int) -> str | int:
        return f"note-{number:08}"


class Hexadecimal(Numbers):
    """The same, in sixteens, in a UUID."""

    def spelled(self, number: int) -> str | int:
        return str(uuid.UUID(int=0xA << 124 | number * 3))


class Short(Numbers):
    """The same, as short links have it."""

    def spelled(self, number: int) -> str | int:
        digits, text = string.digits + string.ascii_lowercase + string.ascii_uppercase, ""
        number += 1_000_000
        while number:
            number, digit = divmod(number, 62)
            text = digits[digit] + text
        return text


class Wrapped(Numbers):
    """The same, as nodes of GraphQL have it."""

    def spelled(self, number: int) -> str | int:
        return base64.urlsafe_b64encode(f"Note:{number + 100}".encode()).decode().rstrip("=")


class Descending(Numbers):
    """The same, newest first."""

    def spelled(self, number: int) -> str | int:
        return 10**9 - number


class InSteps(Numbers):
    """The same, by one of two nodes that take turns."""

    def spelled(self, number: int) -> str | int:
        return 2 * number + secrets.randbelow(2)


class Tiring(Notes):
    """Makes no more after some."""

    def add(self, tenant: str, note: Json) -> tuple[int, Json]:
        return (429, {}) if self.made > 40 else super().add(tenant, note)


class Sterile(Notes):
    """Says that it has, and has not."""

    def add(self, tenant: str, note: Json) -> tuple[int, Json]:
        return 201, {"id": [tenant], "note": note}


class Unspeakable(Notes):
    """Has ids that no path can hold."""

    def ident(self, tenant: str) -> str | int:
        return f"\ud800{self.count()}"


class Hoarding(Notes):
    """Deletes nothing."""

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        return (405, {}) if method == "DELETE" else super().answer(method, url, headers, body)


def with_objects(profile: Profile, host: str, *, allow: bool = True) -> Profile:
    del host
    root = "/v1/tenants/{tenant}/notes"
    table = json.loads(msgspec.json.encode(profile))
    table["safety"]["allow_writes"] = allow
    for tenant in table["tenants"][:2]:
        tenant["disposable"] = True
    table["objects"] = {
        "create": {"method": "POST", "path": root},
        "delete": {"method": "DELETE", "path": f"{root}/{{id}}"},
        "principal": "reader",
        "body": {"text": "{random}"},
    }
    return msgspec.convert(table, Profile)


@pytest.fixture
def examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(api: Notes, edited: Any = with_objects) -> Finding:
        return examine(api, check, CrossTenant, tmp_path, monkeypatch, edited)

    return run


@pytest.mark.parametrize("api", [Notes, OwnNumbers, Random, ByTime, ByMoreTime])
def test_ids_that_count_nothing_of_others_satisfy_the_claim(examined: Any, api: type[Notes]) -> None:
    found: Finding = examined(served := api())
    assert found.verdict is Verdict.SATISFIED, found.because
    # Of the three tenants two may be written to.
    assert found.units == found.tried == 6 + 2
    # Two to begin with, and for each of the pairs ten, and two, six and ten four times each.
    assert served.made >= 2 * 2 + 2 * (10 + 4 * (2 + 6 + 10))
    assert not served.notes, "some were left behind"


@pytest.mark.parametrize("api", [Numbers, Padded, Hexadecimal, Short, Wrapped, Descending, InSteps])
def test_ids_that_count_what_others_make_are_found(examined: Any, api: type[Notes]) -> None:
    found: Finding = examined(served := api())
    assert found.verdict is Verdict.NOT_SATISFIED, found.because
    units = {entry.observation.unit for entry in found.counterexamples}
    assert {unit.vector for unit in units if unit} == {"X110 gaps of ids"}
    assert not served.notes, "some were left behind"


@pytest.mark.parametrize("api", [Tiring, Sterile, Unspeakable, Hoarding])
def test_objects_that_are_not_made_or_not_deleted_prove_nothing(examined: Any, api: type[Notes]) -> None:
    assert examined(api()).verdict is Verdict.NOT_ASSESSED


def test_nothing_is_made_where_nothing_may_be_written(examined: Any) -> None:
    found: Finding = examined(served := Numbers(), lambda profile, host: with_objects(profile, host, allow=False))
    assert (found.verdict, found.units, served.made) == (Verdict.SATISFIED, 6, 0)


def test_an_id_is_read_in_every_way_in_which_it_may_be_counted() -> None:
    assert numbers("note-0042")["decimal"] == 42
    assert numbers("att_00ff")["hexadecimal"] == 255
    assert numbers("zz")["base 36"] == 35 * 36 + 35
    assert numbers("Tm90ZTo0Mg")["decimal in base64"] == 42
    assert numbers("00000000-0000-0000-0000-00000000002a") == {"UUID": 42}
    assert numbers("7" * 10**6) == {}
    assert numbers("") == numbers("?!") == numbers("\u0664\u0662") == {}


def test_gaps_grow_when_every_one_does_evenly_and_beyond_chance() -> None:
    assert grow({0: [1, 1, 1, 1], 4: [5, 5, 5, 5], 8: [9, 9, 9, 9]})
    assert grow({0: [1, 2, 1, 3], 4: [5, 6, 5, 7], 8: [9, 11, 9, 10]})
    assert grow({8: [-9, -9], 0: [-1, -1], 4: [-5, -5]})
    assert not grow({0: [1, 1, 1, 1], 4: [1, 1, 1, 1], 8: [1, 1, 1, 1]})
    assert not grow({0: [1, 1, 1, 5], 4: [5, 5, 5, 5], 8: [13, 13, 13, 13]})
    # In order, but by leaps; or by little, beside what they are anyway.
    assert not grow({0: [1, 2], 4: [3, 4], 8: [100, 101]})
    assert not grow({0: [501, 502], 4: [503, 504], 8: [505, 506]})
    for order in itertools.permutations(([1, 1], [5, 5], [9, 9])):
        assert grow(dict(zip((0, 4, 8), order, strict=True))) is (order[1] == [5, 5])

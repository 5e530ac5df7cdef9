"""Nothing of a hollow target is real but who vouches for tokens; else a check could be satisfied by what is real."""

from __future__ import annotations

import msgspec
import pytest

from tenantproof.clients.hollow import Hollow, hollow_target
from tenantproof.clients.postgres import ask
from tenantproof.model.profile_text import parse
from tests.model.test_profile_text import GOOD

MORE = """
[kafka]
bootstrap = "api.example.test:9093"
[kafka.tenants.alder]
topic = "alder.events"
group = "alder.stage-a"
producer = { user = "p", password = { env = "P" } }
consumer = { user = "c", password = { env = "C" } }
"""
DATABASE = (
    'database = { host = "api.example.test", port = 5432, database = "d", user = "u", password = { env = "P" } }\n'
)


@pytest.mark.parametrize("kind", Hollow)
def test_no_address_of_the_real_target_is_left(kind: Hollow) -> None:
    real = GOOD.replace('records = [{ id = "a1"', f'{DATABASE}records = [{{ id = "a1"') + MORE
    profile = parse(
        real.replace('hosts = ["api', 'hosts = ["api.example.test:9093", "api.example.test:5432", "api'), "x"
    )
    with hollow_target(kind, profile) as pointed:
        told = msgspec.structs.replace(pointed, safety=msgspec.structs.replace(pointed.safety, hosts=()))
        assert b"api.example.test" in msgspec.json.encode(profile)
        assert b"api.example.test" not in msgspec.json.encode(told)


def test_who_speaks_another_protocol_is_not_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P", "x")
    profile = parse(GOOD.replace('records = [{ id = "a1"', f'{DATABASE}records = [{{ id = "a1"'), "x")
    with hollow_target(Hollow.AGREEABLE, profile) as pointed:
        login = pointed.tenants[0].database
        assert login
        told = ask(login, "SELECT 1")
    assert told.failure
    assert told.seconds < 5

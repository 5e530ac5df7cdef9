"""tokens.rate: forged tokens shown a second, judged and journalled, beside wrk; and the offline key search."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.beside_wrk import CONNECTIONS, Asked, Ours, on_each_floor
from benchmarks.figure import Figure
from tenantproof.clients.target import Target
from tenantproof.clients.tokens import parse
from tenantproof.ledger.journal import Journal
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.outcome import REFUSED
from tenantproof.model.profile import Profile
from tenantproof.probes.forging import catalogue
from tenantproof.probes.forging.key_search import crack, guesses
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import mac, signed
from tenantproof.probes.token_showing import Presented, TokenProbe

ROUNDS = 12
_BODY = b'{"error":"INVALID_TOKEN","message":"The access token is not valid."}'


def measure() -> dict[str, Figure]:
    """Show all forgeries of one token ROUNDS times a turn; search 400 000 keys."""
    tokens = _forgeries()
    asked = Asked("/v1/a/r", tokens[0].token, "401 Unauthorized", _BODY)
    figures = on_each_floor("tokens", asked, partial(_showing, tokens))
    return {**figures, "tokens.search": Figure(_search(), "1/s")}


@contextmanager
def _showing(tokens: list[Presented], host: str) -> Iterator[Ours]:
    with closing(Target(_profile(host))) as target:
        yield lambda: _show(target, tokens)


def _show(target: Target, tokens: list[Presented]) -> int:
    """Show them, from making the request to the journal; how many they were."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Journal.create(Path(folder) / "journal.sqlite", {})) as journal,
    ):
        probe, ledger = TokenProbe(target), Ledger(journal, "check", "TK-2")
        for seen in probe.show_each(tokens * ROUNDS):
            ledger.expect(seen, is_=REFUSED)
    return ROUNDS * len(tokens)


def _forgeries() -> list[Presented]:
    key = ec.generate_private_key(ec.SECP256R1())
    claims = {"iss": "https://issuer.example", "sub": "s", "aud": "a", "exp": int(time.time()) + 300, "jti": "j" * 22}
    text = signed({"alg": "ES256", "typ": "at+jwt", "kid": "k"}, claims, key)
    material = Material.in_own_name(parse(text), parse(text), ())
    return [Presented("a", "a", "a", each.vector, each.token) for each in catalogue.forge(material)]


def _search() -> float:
    """Keys tried a second of this process's own time."""
    message = b"e" * 200
    keys = [key for key, _ in zip(guesses((), 6), range(400_000), strict=False)]
    started = time.process_time()
    crack(message, mac(b"\xff" * 32, message), keys)
    return len(keys) / (time.process_time() - started)


def _profile(host: str) -> Profile:
    os.environ["TENANTPROOF_BENCH_TOKEN"] = "static"
    tenant: dict[str, Any] = {  # Any: TOML-able
        "id": "a",
        "principals": {"reader": {"token": {"env": "TENANTPROOF_BENCH_TOKEN"}}},
        "records": [{"id": "r", "canary": "cnry-aaaaaaaaaaaaaaaa"}],
    }
    refusals = {
        "mismatch": {"status": 403, "code": "TENANT_MISMATCH"},
        "token": {"status": 401, "code": "INVALID_TOKEN"},
        "absent": {"status": 404, "code": "NOT_FOUND"},
    }
    operation = {"method": "GET", "path": "/v1/{tenant}/{id}"}
    table = {
        "schema": "tenantproof.profile/1",
        "target": {"name": "bare", "base_url": f"http://{host}", "identity": {"path": "/", "expect": {}}},
        "safety": {"hosts": [host], "requests_per_second": 0, "connections": CONNECTIONS},
        "http": {"operations": {"read": operation, "list": operation}, "refusals": refusals},
        "tokens": {"audience": "a"},
        "tenants": [tenant, {**tenant, "id": "b"}],
    }
    return msgspec.convert(table, Profile)

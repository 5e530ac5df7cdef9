"""Over TLS a server is told a name before it is told a path, and what believes the one may be asked for the other."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tenantproof.model.outcome import ABSENT
from tenantproof.model.verdict import Verdict
from tenantproof.probes.contract import Endpoint
from tenantproof.probes.vectors import VECTORS
from tenantproof.probes.vectors.case import Case, Party
from tests.probes.fake_api import SERVER_NAME, Json, Refused
from tests.probes.sweeping import PlainApi, leaking, sweeping_all, verdicts

GOOD, BAD = Verdict.SATISFIED, Verdict.NOT_SATISFIED
NAMED = [vector for vector in VECTORS if vector.id in {"X001", "X034"}]
ALL = {vector.label for vector in NAMED if vector.id == "X034"}


class Named(PlainApi):
    """Is told a name by TLS and another by HTTP, and goes by the path."""

    def tenant_answer(self, steps: list[str], query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, Json]:
        self.front(headers)
        caller = self.verify(headers.get("authorization", "").partition(" ")[2])
        by_tls, by_host = (self.tenant_in(headers[name]) for name in (SERVER_NAME, "host"))
        self.gate(caller, self.gated(steps[2], by_tls, by_host))
        tenant = self.served(steps[2], by_tls, by_host)
        return 200, self.read(tenant, steps[4]) if len(steps) > 4 else self.page(tenant)

    def tenant_in(self, host: str) -> str:
        label = host.partition(".")[0]
        return label if label in self.records else ""

    def front(self, headers: dict[str, str]) -> None:
        """What stands before it."""

    def gated(self, path: str, by_tls: str, by_host: str) -> str:
        return path

    def served(self, path: str, by_tls: str, by_host: str) -> str:
        return path

    def read(self, tenant: str, record: str) -> Json:
        own = self.records[tenant]
        return super().read(tenant, record if record in own else next(iter(own)))


class Misdirecting(Named):
    """Has a front that answers 421 where the two names differ (RFC 9110 section 15.5.20)."""

    def front(self, headers: dict[str, str]) -> None:
        if headers[SERVER_NAME] and headers[SERVER_NAME] != headers["host"]:
            raise Refused(421, {"error": "MISDIRECTED"})


class ServedByTls(Named):
    """Checks the path, and serves whom TLS named."""

    def served(self, path: str, by_tls: str, by_host: str) -> str:
        return by_tls or path


class GatedByTls(Named):
    """Checks whom TLS named, and serves the path."""

    def gated(self, path: str, by_tls: str, by_host: str) -> str:
        return by_tls or path


class ServedByHost(Named):
    """Checks whom TLS named, and serves the host."""

    def gated(self, path: str, by_tls: str, by_host: str) -> str:
        return by_tls or by_host or path

    def served(self, path: str, by_tls: str, by_host: str) -> str:
        return by_host or by_tls or path


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server needs that keeps the names it is told; its certificate is trusted here."""
    context = trusted_context(tmp_path, monkeypatch)
    context.sni_callback = _keep
    return context


def trusted_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server needs on 127.0.0.1; its certificate is trusted here."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "t")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - dt.timedelta(hours=1), now + dt.timedelta(1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = made.add_extension(names, critical=False).add_extension(x509.BasicConstraints(True, 0), critical=True)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "certificate.pem").write_bytes(made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    return context


def _keep(line: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
    line.named = name or ""  # type: ignore[attr-defined]  # kept for the handler


def _decline(line: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> int | None:
    return None if name is None else ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


@pytest.mark.parametrize(
    ("api", "wanted", "through"),
    [
        (Named, (GOOD, GOOD), set()),
        (Misdirecting, (GOOD, GOOD), set()),
        (ServedByTls, (GOOD, BAD), {"X034 name of the victim in TLS under the own path: own host"}),
        (
            GatedByTls,
            (GOOD, BAD),
            {"X034 own name in TLS: own host", "X034 own name in TLS: victim's host"},
        ),
        (
            ServedByHost,
            (GOOD, BAD),
            {"X034 own name in TLS: victim's host", "X034 own name in TLS under the own path: victim's host"},
        ),
    ],
)
def test_a_name_that_is_believed_is_found_by_the_request_that_says_another(
    api: type[Named],
    wanted: tuple[Verdict, Verdict],
    through: set[str],
    context: ssl.SSLContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with sweeping_all(api(), monkeypatch, NAMED, tls=context) as sweep:
        assert verdicts(sweep, tmp_path) == wanted
        assert leaking(sweep) == through
        assert {each.observation.unit.vector for each in sweep.seen() if each.observation.unit} >= ALL


def test_a_server_that_declines_to_be_called_otherwise_has_refused(
    context: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context.sni_callback = _decline
    with sweeping_all(Named(), monkeypatch, NAMED, tls=context) as sweep:
        assert verdicts(sweep, tmp_path) == (GOOD, GOOD)
        seen = [each for each in sweep.seen() if each.observation.unit and "X034" in each.observation.unit.vector]
    assert {each.observation.outcome for each in seen} == {ABSENT}
    assert all("can't be reached over TLS" in each.observation.notes[0] for each in seen)


def test_without_tls_no_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with sweeping_all(Named(), monkeypatch, NAMED) as sweep:
        assert {shape.vector.id for shape in sweep.plan.population.shapes} == {"X001"}


@pytest.mark.parametrize(
    ("tenant", "host", "authority", "wanted"),
    [
        ("acme", "", "api.example.com:8443", "acme.api.example.com"),
        ("acme", "acme.cloud.example", "api.example.com", "acme.cloud.example"),
        ("acme", "", "127.0.0.1:8080", "acme.example"),
        ("acme", "", "[::1]:8080", "acme.example"),
        ("Acme & Söhne", "", "api.example.com", "acme-s-hne.api.example.com"),
        ("_", "", "api.example.com", "tenant.api.example.com"),
        ("x" * 80, "", "api.example.com", f"{'x' * 63}.api.example.com"),
    ],
)
def test_a_tenant_is_called_by_its_own_name_or_by_one_below_the_targets(
    tenant: str, host: str, authority: str, wanted: str
) -> None:
    party = Party(tenant, host=host)
    case = Case(party, party, Endpoint("read", "GET", "/{tenant}"), authority, 1)
    assert case.host_of(party) == wanted

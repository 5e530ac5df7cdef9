"""Every wire shows the certificate of whoever sends, on connections that carry nobody else's."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tenantproof.clients.client_certificates import NONE, ClientCertificates
from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.http2 import Http2Wire
from tenantproof.clients.pace import Pace
from tenantproof.clients.sweep_wire import SweepWire, Volley
from tenantproof.clients.wire import Wire
from tenantproof.model.certificates_profile import Certificates
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import Safety
from tests.clients.authority import Authority, name_in
from tests.clients.loopback import Served, request_from, serving
from tests.clients.profiles import CANARIES, profile_of
from tests.probes.test_names_in_tls import trusted_context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "clients").mkdir()
    return Authority(tmp_path / "clients")


@pytest.fixture
def table(authority: Authority) -> Certificates:
    return Certificates(tenants={tenant: authority.certificate(tenant) for tenant in ("acme", "globex")})


@pytest.fixture
def served(tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server that answers each request with the name in the certificate that it was shown."""
    context = trusted_context(tmp_path, monkeypatch)
    context.load_verify_locations(cadata=authority.root)
    context.verify_mode = ssl.CERT_OPTIONAL

    def script(connection: socket.socket, served: Served) -> None:
        with context.wrap_socket(connection, server_side=True) as line:
            while request := request_from(line):
                name = name_in(line.getpeercert(binary_form=True) or b"").encode()
                served.received.append(request)
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(name), name))

    with serving(script) as each:
        yield each


def get(principal: str) -> Request:
    return Request(method="GET", target="/", principal=principal)


def test_the_wire_shows_the_certificate_of_whoever_sends(served: Served, table: Certificates) -> None:
    safety = Safety(hosts=(served.host,), requests_per_second=0)
    shown = {
        "acme/reader": b"acme",
        "tenant globex, steward": b"globex",
        "acme-eu/reader": b"",
        "somebody": b"",
    }
    with closing(Wire(f"https://{served.host}", safety, ClientCertificates(table))) as wire:
        for _ in range(2):
            assert {each: wire.send(get(each)).body for each in shown} == shown
        assert served.connections == 3, "one for each certificate, and one for none"
        assert wire.send(get("acme/reader"), certificate="globex").body == b"globex"
        assert wire.send(get("acme/reader"), certificate=NONE).body == b""
        assert served.connections == 3
    otherwise = ClientCertificates(msgspec.structs.replace(table, otherwise="globex"))
    with closing(Wire(f"https://{served.host}", safety, otherwise)) as wire:
        assert wire.send(get("somebody")).body == b"globex"


def test_a_sweep_changes_connections_where_certificates_change(served: Served, table: Certificates) -> None:
    safety = Safety(hosts=(served.host,), requests_per_second=0, connections=1)
    order = ["acme", "acme", "globex", "acme-eu", "acme-eu", "globex"]
    found: dict[int, list[bytes]] = {}

    def sink(volley: Volley[int], answers: object) -> None:
        assert isinstance(answers, list)
        found[volley.tag] = [each.body for each in answers if isinstance(each, Answer)]

    volleys = [Volley(tag=place, requests=(get(f"{each}/reader"),)) for place, each in enumerate(order)]
    both = Volley(tag=len(order), requests=(get("acme/reader"), get("globex/reader")))
    SweepWire(f"https://{served.host}", safety, None, ClientCertificates(table)).run([*volleys, both], sink)
    wanted = [b"" if each == "acme-eu" else each.encode() for each in order]
    assert [found[place] for place in range(len(order))] == [[each] for each in wanted]
    assert found[len(order)] == [b"globex"] * 2, "a volley shows one, that of its last request"
    assert served.connections == 4


def test_what_speaks_http2_is_asked_with_a_certificate(
    tmp_path: Path, authority: Authority, table: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = trusted_context(tmp_path, monkeypatch)
    context.load_verify_locations(cadata=authority.root)
    context.verify_mode, context.maximum_version = ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    shown: list[str] = []

    def script(connection: socket.socket, served: Served) -> None:
        with context.wrap_socket(connection, server_side=True) as line:
            shown.append(name_in(line.getpeercert(binary_form=True) or b""))

    with serving(script) as served:
        profile = profile_of(served.host, {tenant: {"token": {"env": "X"}} for tenant in CANARIES})
        there = msgspec.structs.replace(profile.target, base_url=f"https://{served.host}")
        profile = msgspec.structs.replace(profile, target=there)
        assert not Http2Wire(profile, Pace(0)).speaks
        assert Http2Wire(msgspec.structs.replace(profile, certificates=table), Pace(0)).speaks
    assert shown == ["acme"]


def test_files_that_will_not_do_are_named_and_end_a_sweep(served: Served, table: Certificates, tmp_path: Path) -> None:
    acme, globex = table.tenants["acme"], table.tenants["globex"]
    wrong = msgspec.structs.replace(acme, key=globex.key)
    missing = msgspec.structs.replace(acme, certificate=str(tmp_path / "none.pem"))
    safety = Safety(hosts=(served.host,), requests_per_second=0)
    for lent in (wrong, missing):
        certificates = ClientCertificates(Certificates(tenants={"acme": lent, "globex": globex}))
        with pytest.raises(UsageError, match=r"certificates\.tenants\.acme: .* can't be used"):
            Wire(f"https://{served.host}", safety, certificates).send(get("acme/reader"))
        with pytest.raises(UsageError, match=r"certificates\.tenants\.acme: .* can't be used"):
            SweepWire(f"https://{served.host}", safety, None, certificates).run(
                [Volley(tag=0, requests=(get("acme/reader"),))], lambda *_: None
            )
    with pytest.raises(UsageError, match=r"none\.pem can't be read"):
        certificates.thumbprint("acme")

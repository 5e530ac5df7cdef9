"""A target that holds a certificate to its token satisfies the check; each way of taking another's does not."""

from __future__ import annotations

import hashlib
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from cryptography import x509

from checks.cross_tenant import check_nothing_of_another_tenant_comes_back as check
from tenantproof.clients.client_certificates import ClientCertificates
from tenantproof.clients.tokens import base64url
from tenantproof.model.profile import Profile
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.cross_tenant import CrossTenant
from tenantproof.probes.forged_certificates import FORGERIES
from tenantproof.probes.vectors import VECTORS
from tests.clients.authority import Authority, name_in
from tests.clients.profiles import CANARIES, MISMATCH, client_of, profile_of
from tests.probes.examining import SECRET_ENV, examine
from tests.probes.fake_api import CERTIFICATE, FakeApi, Json, Refused, serving_api
from tests.probes.sweeping import PlainApi, sweeping_profile, verdicts
from tests.probes.test_names_in_tls import trusted_context

BY_PATH = "another's certificate, an own token, the other's path"
NO_TOKEN = {"error": "INVALID_TOKEN", "message": "no"}


class Mutual(FakeApi):
    """Wants a certificate and a token, both of the same tenant."""

    asks = ssl.CERT_OPTIONAL

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        shown = bytes.fromhex(headers[CERTIFICATE])
        status, said = super().answer(method, url, headers, body)
        if url.endswith("/token") and shown:
            return status, {**said, "access_token": self.bound(url.split("/")[2], said["access_token"], shown)}
        return status, said

    def bound(self, tenant: str, token: str, shown: bytes) -> str:
        return token

    def tenant_answer(self, steps: list[str], query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, Json]:
        self.hold(bytes.fromhex(headers[CERTIFICATE]), headers.get("authorization", ""))
        return super().tenant_answer(steps, query, headers)

    def hold(self, shown: bytes, authorization: str) -> None:
        """Refuse whoever shows a certificate that does not go with the token."""
        if name_in(shown) != self.verify(authorization.partition(" ")[2]):
            raise Refused(403, MISMATCH)


class Demanding(Mutual):
    """Ends TLS with whoever has no certificate."""

    asks = ssl.CERT_REQUIRED


class Bound(Mutual):
    """Binds tokens to the certificate with which they were fetched (RFC 8705)."""

    def bound(self, tenant: str, token: str, shown: bytes) -> str:
        claims = jwt.decode(token, options={"verify_signature": False})
        claims["cnf"] = {"x5t#S256": base64url(hashlib.sha256(shown).digest())}
        return jwt.encode(claims, self.keys[tenant], "ES256", headers=jwt.get_unverified_header(token))

    def hold(self, shown: bytes, authorization: str) -> None:
        token = authorization.partition(" ")[2]
        self.verify(token)
        confirmed = jwt.decode(token, options={"verify_signature": False}).get("cnf", {})
        if confirmed.get("x5t#S256") != base64url(hashlib.sha256(shown).digest()):
            raise Refused(401, NO_TOKEN)


class Swept(Bound, PlainApi):
    """The same, for whatever a sweep may ask."""


class SweptAtOnce(Demanding, PlainApi):
    """The same of one that ends TLS."""


class Enough(Mutual):
    """Knows tenants by their certificates; a token that comes along must be of the same."""

    def tenant_answer(self, steps: list[str], query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, Json]:
        shown, token = name_in(bytes.fromhex(headers[CERTIFICATE])), headers.get("authorization", "")
        if not shown or (token and self.verify(token.partition(" ")[2]) != shown):
            raise Refused(403, MISMATCH)
        self.may(shown, steps[2])
        whoever = self.issue(steps[2] if shown != steps[2] and not token else shown, {})["access_token"]
        return super(Mutual, self).tenant_answer(steps, query, {**headers, "authorization": f"Bearer {whoever}"})

    def may(self, shown: str, at: str) -> None:
        if shown != at:
            raise Refused(403, MISMATCH)


class AnyPath(Enough):
    """Takes a certificate for a key to everything."""

    def may(self, shown: str, at: str) -> None:
        pass


class AnyOfOurs(Mutual):
    """Takes every certificate of its authority for a pass through TLS, and goes by the token."""

    def hold(self, shown: bytes, authorization: str) -> None:
        if not shown:
            raise Refused(403, MISMATCH)


class Lax(Mutual):
    """Looks at a certificate only if there is one."""

    def hold(self, shown: bytes, authorization: str) -> None:
        if shown:
            super().hold(shown, authorization)


class ByCertificate(Mutual):
    """Wants a good token, of whomever, and goes by the certificate."""

    def hold(self, shown: bytes, authorization: str) -> None:
        self.verify(authorization.partition(" ")[2])
        if not shown:
            raise Refused(403, MISMATCH)

    def tenant_answer(self, steps: list[str], query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, Json]:
        shown = bytes.fromhex(headers[CERTIFICATE])
        self.hold(shown, headers.get("authorization", ""))
        whoever = self.issue(name_in(shown), {})["access_token"]
        return super(Mutual, self).tenant_answer(steps, query, {**headers, "authorization": f"Bearer {whoever}"})


class WithoutToken(ByCertificate):
    """Wants no token, though its contract does."""

    def hold(self, shown: bytes, authorization: str) -> None:
        if not shown:
            raise Refused(403, MISMATCH)


class Forgetful(Bound):
    """Binds tokens, and does not look at it again."""

    def hold(self, shown: bytes, authorization: str) -> None:
        if not shown:
            raise Refused(401, NO_TOKEN)


class Unbinding(Bound):
    """Says that tokens are bound, and binds none."""

    def bound(self, tenant: str, token: str, shown: bytes) -> str:
        return token

    def hold(self, shown: bytes, authorization: str) -> None:
        super(Bound, self).hold(shown, authorization)


class Shut(Mutual):
    """Lets nobody in."""

    def hold(self, shown: bytes, authorization: str) -> None:
        raise Refused(403, MISMATCH)


class Ending(Mutual):
    """Ends the connection in the middle, when a certificate does not go with the token."""

    def hold(self, shown: bytes, authorization: str) -> None:
        try:
            super().hold(shown, authorization)
        except Refused:
            raise ConnectionAbortedError from None


class Flickering(Mutual):
    """Is away for a moment, just when it is shown what does not go with a token."""

    left = 4  # what is sent on an idle connection is sent twice

    def hold(self, shown: bytes, authorization: str) -> None:
        is_foreign = name_in(shown) != self.verify(authorization.partition(" ")[2])
        if self.left > 0 and (is_foreign or self.left < 4):
            self.left -= 1
            raise ConnectionAbortedError
        super().hold(shown, authorization)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "clients").mkdir()
    return Authority(tmp_path / "clients")


@pytest.fixture
def context(tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    made = trusted_context(tmp_path, monkeypatch)
    made.load_verify_locations(cadata=authority.root)
    return made


def mutual(profile: Profile, host: str, lent: Any, **said: Any) -> Profile:
    """The profile of the same over TLS, with certificates."""
    table = json.loads(msgspec.json.encode(profile).decode().replace(f"http://{host}", f"https://{host}"))
    table["http"]["http2"] = False
    table["certificates"] = {"tenants": lent, **said}
    return msgspec.convert(table, Profile)


@pytest.fixture
def lent(authority: Authority) -> Any:
    return {tenant: msgspec.to_builtins(authority.certificate(tenant)) for tenant in CANARIES}


@pytest.fixture
def examined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: ssl.SSLContext, lent: Any
) -> Callable[..., Finding]:
    def run(api: Mutual, **said: Any) -> Finding:
        context.verify_mode = api.asks
        return examine(
            api,
            check,
            CrossTenant,
            tmp_path,
            monkeypatch,
            lambda profile, host: mutual(profile, host, lent, **said),
            context,
        )

    return run


def vectors(found: Finding) -> set[str]:
    """What was shown when something came back."""
    units = [entry.observation.unit for entry in found.counterexamples]
    return {unit.vector.removeprefix("X036 ") for unit in units if unit}


@pytest.mark.parametrize(
    ("api", "said"),
    [
        (Mutual, {}),
        (Demanding, {}),
        (Bound, {"bound": True}),
        (Enough, {"enough": True}),
        (Lax, {"required": False}),
    ],
)
def test_a_certificate_that_is_held_to_its_token_satisfies_the_claim(
    examined: Callable[..., Finding], tmp_path: Path, api: type[Mutual], said: Any
) -> None:
    found = examined(api(), **said)
    assert found.verdict is Verdict.SATISFIED, found.because
    # Six pairs by two operations; seven ways in which certificates cross, and one or two in which tokens stray.
    assert found.units == found.tried == 12 + 6 * 7 + 3 * (2 if said.get("required") is False else 3)
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file() and "journal" in file.name)
    assert b"certificate sha256:" in kept
    assert b"BEGIN" not in kept


@pytest.mark.parametrize(
    ("api", "said", "by"),
    [
        (AnyOfOurs, {}, {"another's certificate, an own token"}),
        (Lax, {}, {"no certificate, an own token"}),
        (ByCertificate, {}, {BY_PATH}),
        (
            WithoutToken,
            {},
            {"another's certificate, no token", "another's certificate, an own token, the other's path"},
        ),
        (Forgetful, {"bound": True}, {"another's certificate, an own token"}),
        (AnyPath, {"enough": True}, {"an own certificate, the other's path"}),
    ],
)
def test_a_certificate_that_does_not_go_with_a_token_is_found_to_be_taken(
    examined: Callable[..., Finding], api: type[Mutual], said: Any, by: set[str]
) -> None:
    found = examined(api(), **said)
    assert found.verdict is Verdict.NOT_SATISFIED, found.because
    assert vectors(found) == by


def test_a_certificate_that_nobody_vouches_for_is_found_to_be_taken(
    examined: Callable[..., Finding], context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = ClientCertificates.add

    def trusted(self: ClientCertificates, name: str, certificates: bytes, key: bytes) -> None:
        add(self, name, certificates, key)
        context.load_verify_locations(cadata=certificates.decode())

    # A server that asks for certificates and verifies none: all that are forged are good to it.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    monkeypatch.setattr(ClientCertificates, "add", trusted)
    found = examined(Mutual())
    assert found.verdict is Verdict.NOT_SATISFIED
    assert all("named like" in each for each in vectors(found))


@pytest.mark.parametrize(("api", "said"), [(Shut, {}), (Unbinding, {"bound": True})])
def test_where_nobodys_own_certificate_does_nothing_is_proven(
    examined: Callable[..., Finding], api: type[Mutual], said: Any
) -> None:
    assert examined(api(), **said).verdict is Verdict.NOT_ASSESSED


@pytest.mark.parametrize("api", [Swept, SweptAtOnce])
def test_a_sweep_goes_through_where_nothing_does_without_a_certificate(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    context: ssl.SSLContext,
    lent: Any,
    api: type[Mutual],
) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    monkeypatch.setenv(SECRET_ENV, "not a secret")
    with serving_api(api(), context) as host:
        usual = profile_of(host, {tenant: client_of(host, tenant, SECRET_ENV) for tenant in CANARIES})
        profile = mutual(usual, host, lent, bound=api is Swept, otherwise="acme")
        swapped = [vector for vector in VECTORS if vector.id == "X001"]
        with sweeping_profile(profile, monkeypatch, swapped) as sweep:
            assert sweep.target.identify()
            assert verdicts(sweep, tmp_path) == (Verdict.SATISFIED, Verdict.SATISFIED)


def test_a_connection_that_is_ended_has_told_nothing(examined: Callable[..., Finding]) -> None:
    found = examined(Ending())
    assert found.verdict is Verdict.SATISFIED, found.because


def test_a_connection_that_ended_by_itself_is_no_refusal(examined: Callable[..., Finding]) -> None:
    assert examined(Flickering()).verdict is Verdict.NOT_ASSESSED


def test_a_forged_certificate_says_the_same_and_is_anothers(tmp_path: Path) -> None:
    genuine = ssl.PEM_cert_to_DER_cert(Path(Authority(tmp_path).certificate("acme").certificate).read_text())
    like = x509.load_der_x509_certificate(genuine)
    for forge in FORGERIES.values():
        made, *chain = x509.load_pem_x509_certificates(forge(genuine)[0])
        assert made.subject == like.subject
        assert made.public_key() != like.public_key()
        assert [each.value for each in made.extensions] == [each.value for each in like.extensions]
        made.verify_directly_issued_by(chain[0] if chain else made)
        assert all(each.subject == like.issuer for each in chain)

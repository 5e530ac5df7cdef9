"""J049 over the wire: who publishes no key has it computed, and is found out by it where it is taken for a secret."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import pytest

from checks import token_validation as checks
from tenantproof.clients import recovered_key
from tenantproof.clients.tokens import parse
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.errors import TargetError, UsageError
from tenantproof.model.power import Power
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.forging import catalogue
from tenantproof.probes.forging.families import Forgery
from tenantproof.probes.forging.power import EXHIBIT
from tenantproof.probes.forging.raw import jwk, maced
from tenantproof.probes.token_showing import Presented
from tenantproof.probes.token_validation import TokenForge
from tests.probes import unpublished as apis
from tests.probes.examining import examine
from tests.probes.fake_api import FakeApi
from tests.probes.test_token_validation import BriefForge
from tests.probes.unpublished import RsaApi, static, unpublished

UNFIT = checks.check_issuer_audience_expiry_and_signature_are_verified_first
FORGERY = checks.check_no_forgery_is_taken_for_genuine
TENANT = checks.check_the_answer_to_a_forgery_does_not_depend_on_its_tenant
CACHE = checks.check_what_was_verified_before_does_not_lend_its_name


class Whole(TokenForge):
    """All forgeries of the first tenant's token, and every spelling of the computed key."""

    pairs = 5

    @cached_property
    def forged(self) -> tuple[Presented, ...]:
        first = self.tenants[0]
        return tuple(self._witnessed(first, first, catalogue.forge(self._whole, catalogue.FORGED)))


def run(
    api: FakeApi, check: Any, folder: Path, patch: pytest.MonkeyPatch, *algorithms: str, kind: Any = Whole, **said: Any
) -> Finding:
    return examine(api, check, kind, folder, patch, unpublished(*algorithms, **said))


def coverage(api: FakeApi, folder: Path, patch: pytest.MonkeyPatch, **said: Any) -> tuple[list[str], Power]:
    """What the evidence says of the classes, and the matrix that it holds."""
    kept: list[Any] = []

    def look(probe: TokenForge, _: Ledger) -> None:
        kept.extend((*probe.coverage("acme").notes,))
        kept.append(msgspec.json.decode(probe.target.exhibits[EXHIBIT], type=Power))

    examine(api, look, BriefForge, folder, patch, unpublished(**said))
    return kept[:-1], kept[-1]


def about(notes: list[str]) -> list[str]:
    return [each for each in notes if "J049" in each]


@pytest.mark.parametrize("check", [UNFIT, FORGERY, TENANT, CACHE])
@pytest.mark.parametrize("api", [apis.RsaApi, apis.Rsa384Api, apis.Rsa512Api, apis.SecondApi])
def test_a_strict_verifier_whose_key_is_computed_satisfies(
    api: type[RsaApi], check: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = Whole if check is FORGERY and api is apis.RsaApi else BriefForge
    found = run(api(), check, tmp_path, monkeypatch, api.algorithm, kind=kind)
    assert (found.verdict, found.because[:4]) == (Verdict.SATISFIED, "all "), found.because
    assert found.tried == found.units


@pytest.mark.parametrize("kind", [Whole, BriefForge, TokenForge])
def test_a_verifier_that_takes_the_key_for_a_secret_is_found_out_by_this_class_alone(
    kind: type[TokenForge], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    def look(probe: TokenForge, _: Ledger) -> None:
        shown = [probe.show(each) for each in probe.forged]
        taken.extend(each.unit.vector for each in shown if each.outcome.value == "permitted" and each.unit)

    run(apis.ConfusedApi(), look, tmp_path, monkeypatch, kind=kind)
    assert taken
    assert {*taken} == {"J049 HS256 with the key of two tokens as PEM"}
    (tmp_path / "journal.sqlite").unlink()
    found = run(apis.ConfusedApi(), FORGERY, tmp_path, monkeypatch, kind=kind)
    assert found.verdict is Verdict.NOT_SATISFIED
    named = {each.observation.unit.vector for each in found.counterexamples if each.observation.unit}
    assert named == {"J049 HS256 with the key of two tokens as PEM"}


def test_every_spelling_is_made_that_a_published_key_would_be_made_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []

    def look(probe: TokenForge, _: Ledger) -> None:
        names.extend(each.name for each in probe.forged)

    run(RsaApi(), look, tmp_path, monkeypatch)
    computed = [each for each in names if each.startswith("J049 ")]
    for form in (
        "PEM",
        "PEM with CRLF",
        "DER",
        "PKCS#1 PEM",
        "PKCS#1 DER",
        "the modulus",
        "the modulus's octets",
        "JWK",
    ):
        for bits in (256, 384, 512):
            assert f"J049 HS{bits} with the key of two tokens as {form}" in computed
    # What only somebody has who was given the key is not claimed to be shown.
    assert not [each for each in names if "with the public key as" in each or "with the JWK set" in each]


def test_the_evidence_says_that_the_class_was_tried_and_is_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes, power = coverage(RsaApi(), tmp_path, monkeypatch)
    (note,) = about(notes)
    assert note.startswith(
        "J049: two tokens of acme give the key of their issuer, which the profile names nowhere (comp"
    )
    (klass,) = (each for each in power.classes if each.id == "J049")
    assert (klass.is_proven, klass.sent, "J049" in power.not_tried) == (True, 1, False)


def test_a_computed_key_that_is_published_forges_nothing_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes, power = coverage(RsaApi(), tmp_path, monkeypatch, named=True, recover_public_key=True)
    (note,) = about(notes)
    assert note.startswith("J049: two tokens of acme give the published key one, so J037 to J048 have shown what is")
    assert "J049" not in {*power.not_tried, *(each.id for each in power.classes)}
    assert {"J037", "J042"} <= {each.id for each in power.classes}


@pytest.mark.parametrize(
    ("api", "said", "needs"),
    [
        (RsaApi, {"named": True}, "tokens.recover_public_key = true where a key set is named; J037 to J048 show"),
        (FakeApi, {"named": True, "algorithms": ("ES256",)}, "two tokens by RS256, RS384 or RS512; these are by ES256"),
        (RsaApi, {"named": True, "recover_public_key": False}, "tokens.recover_public_key, which is false"),
    ],
)
def test_where_it_is_not_computed_the_evidence_says_what_it_would_take(
    api: type[FakeApi], said: dict[str, Any], needs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = dict(said)
    algorithms = kept.pop("algorithms", ())
    notes: list[str] = []

    def look(probe: TokenForge, _: Ledger) -> None:
        notes.extend(probe.coverage("acme").notes)
        power = msgspec.json.decode(probe.target.exhibits[EXHIBIT], type=Power)
        assert power.not_tried["J049"].startswith(needs)

    monkeypatch.setattr(recovered_key, "_in_a_process", pytest.fail)
    examine(api(), look, BriefForge, tmp_path, monkeypatch, unpublished(*algorithms, **kept))
    (note,) = about(notes)
    assert note.startswith(f"not tried: J049, needs {needs}")


@pytest.mark.parametrize(
    ("api", "said", "says"),
    [
        (apis.PssApi, {}, r"takes two tokens by RS256, RS384 or RS512; these are by PS256\)"),
        (apis.CurveApi, {}, r"takes two tokens by RS256, RS384 or RS512; these are by ES256\)"),
        (apis.RsaApi, {"algorithms": ("RS512",)}, r"takes RS256 in tokens\.algorithms"),
        (apis.RsaApi, {"recover_public_key": False}, r"takes tokens\.recover_public_key, which is false"),
        (apis.SlowApi, {"recover_seconds": 1}, r"takes two tokens that give one: it was not computed within 1 s"),
    ],
)
def test_without_a_key_nothing_is_forged_and_the_profile_is_told_what_to_name(
    api: type[RsaApi], said: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"algorithms": (api.algorithm,), **said}
    algorithms = kept.pop("algorithms")
    with pytest.raises(TargetError, match=r"names no key set of http.*; add its URL to the profile .*" + says):
        run(api(), FORGERY, tmp_path, monkeypatch, *algorithms, **kept)


def test_without_the_library_the_command_is_named_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovered_key, "find_spec", {"flint": None}.__getitem__)
    with pytest.raises(TargetError, match=r"takes python-flint; run: pip install 'tenantproof\[recovery\]'"):
        run(RsaApi(), FORGERY, tmp_path, monkeypatch)
    (tmp_path / "journal.sqlite").unlink()
    # Whoever asks for it must not be told that all is well without it.
    with pytest.raises(UsageError, match=r"python-flint is not installed; run: pip install"):
        run(RsaApi(), FORGERY, tmp_path, monkeypatch, named=True, recover_public_key=True)


@pytest.mark.parametrize("is_alike", [False, True])
def test_static_tokens_of_several_principals_do_as_well_as_two_of_one(
    is_alike: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, lacking = apis.OneIssuerApi() if is_alike else RsaApi(), "a second token by the same key, and there is none"

    def edited(usual: Any, host: str) -> Any:
        return static(monkeypatch, host, unpublished()(usual, host), api)

    if is_alike:
        assert examine(api, FORGERY, BriefForge, tmp_path, monkeypatch, edited).verdict is Verdict.SATISFIED
    else:
        with pytest.raises(TargetError, match=lacking):
            examine(api, FORGERY, BriefForge, tmp_path, monkeypatch, edited)


def test_one_key_of_all_issuers_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Any] = []
    whole = recovered_key._in_a_process

    def counted(*asked: Any) -> Any:
        begun.append(asked)
        return whole(*asked)

    monkeypatch.setattr(recovered_key, "_in_a_process", counted)
    found = run(RsaApi(), FORGERY, tmp_path, monkeypatch, kind=BriefForge)
    assert (found.verdict, len(begun)) == (Verdict.SATISFIED, 1)


def test_a_computed_key_that_is_weak_is_told_as_a_published_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, tuple[str, ...]]] = []

    def look(probe: TokenForge, _: Ledger) -> None:
        weak = {**probe.material("acme", "acme").recovered[0], "e": "AQ"}
        materials = probe._materials
        materials["acme", "acme"] = replace(materials["acme", "acme"], recovered=(weak,))
        seen.extend((each.outcome.value, each.notes) for each in probe.published_keys())

    run(RsaApi(), look, tmp_path, monkeypatch, kind=BriefForge)
    assert seen[0] == ("present", ("the key of two tokens has the exponent 1",))
    assert {outcome for outcome, _ in seen[1:]} == {"absent"}


def test_under_a_computed_key_what_verifies_is_no_forgery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The witness looks at computed keys too: a genuine token of other claims is not sent as a forgery."""
    kept: list[list[str]] = []

    def look(probe: TokenForge, _: Ledger) -> None:
        own = probe.material("acme", "acme").base
        genuine = parse(probe.lent("acme"))
        forged = maced(own.header, own.payload, b"k")
        made = [Forgery("J001", name, text) for name, text in (("g", genuine.text), ("f", forged))]
        kept.append([each.name for each in probe._witnessed("acme", "acme", made)])

    run(RsaApi(), look, tmp_path, monkeypatch, kind=BriefForge)
    assert kept == [["J001 f"]]


def test_a_computed_key_under_which_no_verifier_takes_the_genuine_token_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(probe: TokenForge, _: Ledger) -> None:
        wrong = recovered_key.Recovered({**jwk(apis.SlowApi.key)})
        monkeypatch.setattr(probe.target.recovery, "known", lambda _: wrong)
        with pytest.raises(TargetError, match="takes a key under which two verifiers take the token; they refuse what"):
            probe.genuine("acme")

    run(RsaApi(), look, tmp_path, monkeypatch)

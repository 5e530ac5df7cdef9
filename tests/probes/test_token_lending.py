"""Shared keys that are too short and tokens that are used twice are found out over the wire, and no wolf is cried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from checks import token_validation as checks
from tenantproof.clients.tokens import parse
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import OneTime
from tenantproof.model.verdict import Finding, Reason, Verdict
from tenantproof.probes.forging.lent_hmac import read_hmac, short_keyed
from tenantproof.probes.forging.reuse import reuses
from tenantproof.probes.public_keys import verifies
from tenantproof.probes.token_validation import TokenForge
from tests.probes import lending_api as apis
from tests.probes import lent
from tests.probes.examining import examine
from tests.probes.lending_api import LendingApi, lending
from tests.probes.lent import KEY_SET, LONG, SHORT, hmac_settings, symmetric
from tests.probes.test_forging import OWN
from tests.probes.test_token_validation import BriefForge

UNFIT = checks.check_issuer_audience_expiry_and_signature_are_verified_first
FORGERY = checks.check_no_forgery_is_taken_for_genuine
ALL_ONCE = OneTime()


class Lent(BriefForge):
    """Shows only what is made with lent keys."""

    forged = edited = for_elsewhere = ()


def run(api: LendingApi, check: Any, folder: Path, patch: pytest.MonkeyPatch, **more: Any) -> Finding:
    return examine(api, check, Lent, folder, patch, lending(patch, **more))


def shown_first(found: Finding) -> str:
    """The class and name of the first counterexample."""
    unit = found.counterexamples[0].observation.unit
    return unit.vector if unit else ""


@pytest.mark.parametrize("check", [UNFIT, FORGERY])
@pytest.mark.parametrize(
    ("api", "once"),
    [
        (apis.LendingApi, apis.ONCE),
        (apis.LendingApi, None),
        (apis.AllOnceApi, ALL_ONCE),
        (apis.ColdApi, apis.ONCE),
        (apis.WordyApi, apis.ONCE),
    ],
)
def test_verifiers_that_are_right_satisfy(
    api: type[LendingApi], once: OneTime | None, check: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(api(), check, tmp_path, monkeypatch, once=once)
    assert found.verdict is Verdict.SATISFIED, found.because
    assert found.tried == found.units


@pytest.mark.parametrize("check", [UNFIT, FORGERY])
def test_nor_is_one_blamed_by_a_whole_sweep(check: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lent_all = lending(monkeypatch, once=ALL_ONCE, modulus=True)
    found = examine(apis.AllOnceApi(), check, TokenForge, tmp_path, monkeypatch, lent_all)
    assert found.verdict is Verdict.SATISFIED, found.because
    assert found.tried == found.units


@pytest.mark.parametrize(
    ("api", "vector"),
    [(apis.ShortApi, "J035 HS256 by a key of 88 bits"), (apis.WideApi, "J035 HS384 by a key of 256 bits")],
)
def test_a_verifier_that_uses_keys_of_any_length_is_found_out(
    api: type[LendingApi], vector: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(api(), FORGERY, tmp_path, monkeypatch)
    assert (found.verdict, shown_first(found)) == (Verdict.NOT_SATISFIED, vector)


@pytest.mark.parametrize(
    ("api", "name"),
    [
        (apis.ForgetfulApi, "the same token"),
        (apis.SeparateApi, "the same token on another connection"),
        (apis.TextApi, "the same token, n - s for s"),
        (apis.SignatureApi, "the same claims, signed anew"),
        (apis.ClaimsApi, "the same id in another token"),
        (apis.RacyApi, "at once"),
    ],
)
def test_a_verifier_that_takes_a_token_twice_is_found_out(
    api: type[LendingApi], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(api(), UNFIT, tmp_path, monkeypatch)
    assert (found.verdict, shown_first(found).partition(", round")[0]) == (Verdict.NOT_SATISFIED, f"J169 {name}")


@pytest.mark.parametrize(
    ("api", "check"),
    [
        (apis.CurveApi, UNFIT),
        (apis.CurveApi, FORGERY),
        (apis.OnlyLastingApi, UNFIT),
        (apis.FlakyApi, UNFIT),
        (apis.CrowdedApi, UNFIT),
    ],
)
def test_where_the_token_that_must_do_does_not_nothing_is_shown(
    api: type[LendingApi], check: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(api(), check, tmp_path, monkeypatch)
    assert found.verdict is Verdict.NOT_ASSESSED, found.because


def test_a_second_use_that_is_neither_taken_nor_refused_is_none_that_was_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(apis.SilentApi(), UNFIT, tmp_path, monkeypatch)
    assert (found.verdict, found.reason) == (Verdict.NOT_SATISFIED, Reason.DIFFERED)
    named = {each.observation.unit.vector for each in found.counterexamples if each.observation.unit}
    assert "J169 the same token" in named


@pytest.mark.parametrize(
    ("key", "short_key", "says"),
    [
        (symmetric(SHORT), symmetric(SHORT), r"tokens\.test_hmac\.key has 88 bits; lend one that has 256 for HS256"),
        (symmetric(LONG, alg="HS512"), symmetric(SHORT), r"\.key has 256 bits; lend one that has 512 for HS512"),
        (symmetric(LONG), symmetric(LONG), r"\.short_key has 256 bits, which are enough for HS256; lend a shorter one"),
        (symmetric(LONG), "guess me", r"\.short_key is no symmetric JWK"),
        (symmetric(LONG), "[1]", r"\.short_key is no symmetric JWK"),
        (symmetric(LONG), {"kty": "oct", "k": "§"}, r"\.short_key is no symmetric JWK"),
        ({**symmetric(LONG), "kty": "EC"}, symmetric(SHORT), r"\.key is no JWK of kty oct"),
        (symmetric(LONG, alg="ES256"), symmetric(SHORT), r"\.key is no JWK of kty oct for HS256"),
    ],
)
def test_shared_keys_that_are_not_what_they_should_be_are_told_by_their_place(
    key: object, short_key: object, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment: dict[str, str] = {}
    settings = hmac_settings(environment, key=key, short_key=short_key)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=says):
        read_hmac(settings, OWN.base)


def test_a_key_is_short_for_every_hash_that_is_wider(monkeypatch: pytest.MonkeyPatch) -> None:
    environment: dict[str, str] = {}
    long, short = (symmetric(bytes(length), alg="HS384") for length in (48, 47))
    settings = hmac_settings(environment, key=long, short_key=short)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    lent = read_hmac(settings, OWN.base)
    made = [each.name for each in short_keyed(lent)]
    assert made == [
        "HS384 by a key of 376 bits",
        "HS512 by a key of 376 bits",
        "HS512 by a key of 384 bits",
    ]
    header = parse(lent.good()).header
    assert (header["alg"], "kid" in header) == ("HS384", False)


def test_a_second_use_is_as_good_as_the_first_but_for_its_id() -> None:
    made = list(reuses(lent.lent()))
    first, again = ([parse(text) for text in texts] for texts in zip(*((e.first, e.again) for e in made), strict=True))
    ids = [each.payload["jti"] for each in first]
    assert (len({*ids}), [each.payload["jti"] for each in again]) == (len(made), ids)
    for each in (*first, *again):
        assert verifies(each.text, KEY_SET[0], ("ES256",))
    assert [each.name for each in made if each.first == each.again] == [
        "the same token",
        "the same token on another connection",
    ]


def test_one_connection_is_no_race(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trials: dict[int, int] = {}

    def look(probe: TokenForge, ledger: Ledger) -> None:
        checks.used_for_once(probe, ledger)
        assert probe.reuses == (5 if probe.target.profile.safety.connections == 1 else 8)

    for connections in (1, 2):
        folder = tmp_path / str(connections)
        folder.mkdir()
        edited = lending(monkeypatch, connections=connections)
        trials[connections] = examine(LendingApi(), look, BriefForge, folder, monkeypatch, edited).trials
    assert trials == {1: 5, 2: 8}


@pytest.mark.parametrize(
    ("rate", "told"), [(0, ["1 of 4 were taken"]), (500, ["1 of 4 were taken", "0.002 s from one to the next, as"])]
)
def test_a_race_says_how_many_got_through_and_how_far_apart_they_were_sent(
    rate: float, told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, ...]] = []

    def look(probe: TokenForge, _: Ledger) -> None:
        seen.extend(each.notes[1:] for each in probe.used_at_once())

    examine(LendingApi(), look, BriefForge, tmp_path, monkeypatch, lending(monkeypatch, rate=rate))
    assert len(seen) == 3
    for notes in seen:
        assert all(note.startswith(what) for note, what in zip(notes, told, strict=True))


@pytest.mark.parametrize("is_lent", [True, False])
def test_the_classes_count_as_tried_and_proven_only_where_the_profile_lends_what_they_need(
    is_lent: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []

    def look(probe: TokenForge, _: Ledger) -> None:
        notes.extend(probe.coverage("acme").notes)

    once = apis.ONCE if is_lent else None
    examine(LendingApi(), look, BriefForge, tmp_path, monkeypatch, lending(monkeypatch, once=once, shared=is_lent))
    left = {note for note in notes if note.startswith(("not tried: J035", "not tried: J169"))}
    unproven = next(note for note in notes if note.startswith("classes whose power is not proven"))
    assert not {"J035", "J169"} & set(unproven.replace(",", " ").split())
    assert left == (
        set()
        if is_lent
        else {
            "not tried: J035, needs two lent HS keys, one of them too short",
            "not tried: J169, needs a lent key and a policy of one-time tokens",
        }
    )

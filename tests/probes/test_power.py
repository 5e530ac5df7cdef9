"""The suite can see: for every class a verifier with exactly that gap takes one of its forgeries, and is found out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

import pytest

from tenantproof.probes.forging import catalogue, confused
from tenantproof.probes.forging.lent_hmac import short_keyed
from tenantproof.probes.forging.lent_keys import likened, signature_forgeries
from tenantproof.probes.forging.reuse import reuses
from tenantproof.probes.forging.witness import is_signed
from tests.probes import broken_readers as readers
from tests.probes import broken_verifiers as verifiers
from tests.probes import lent, unpublished
from tests.probes.broken_seeing import Seen
from tests.probes.test_forging import OWN

GAPS = {
    **verifiers.UNSIGNED,
    **verifiers.CONFUSED,
    **verifiers.BROUGHT,
    **readers.KEY_IDS,
    **readers.ARITHMETIC,
    **readers.EXTENSIONS,
    **readers.STRUCTURES,
    **readers.QUIRKS,
    **readers.EDITED,
    **readers.PLACES,
    **lent.GAPS,
    **unpublished.GAPS,
}
ALONE = (readers.PLACES.keys(), {"J169"})
"""Classes that mean nothing to verifiers with other gaps: a token in another place, and a second use of a good one."""
POWER = files("tenantproof.probes.forging") / "power.json"


@cache
def sent() -> tuple[Seen, ...]:
    own = (*catalogue.forge(OWN), *catalogue.carried(OWN))
    # Of RSA tokens only what can't be made of others, lest the matrix count twice.
    rsa = (each for each in likened(lent.lent()) if each.klass in lent.GAPS and each.name.endswith("RS256"))
    nowhere = unpublished.material()
    return (
        *(Seen(each, OWN) for each in own),
        *(Seen(each, nowhere) for each in catalogue.forge(nowhere, (confused.FAMILY,)) if each.klass == "J049"),
        *(Seen(each, lent.rsa_own()) for each in (*rsa, *signature_forgeries(lent.lent()))),
        *(Seen(each, OWN) for each in short_keyed(lent.shared())),
        *(Seen(each.forgery, OWN) for each in reuses(lent.lent())),
    )


@cache
def matrix() -> dict[str, dict[str, int]]:
    """Gap to class to how many of its forgeries a verifier with the gap takes."""
    taken: dict[str, dict[str, int]] = {}
    for ident, gap in GAPS.items():
        family = next((each for each in ALONE if ident in each), GAPS.keys() - {*readers.PLACES, "J169"})
        found = Counter(each.forgery.klass for each in sent() if each.forgery.klass in family and gap(each))
        taken[ident] = dict(sorted(found.items()))
    return dict(sorted(taken.items()))


def test_no_gap_no_acceptance() -> None:
    keys = (OWN.keys[0], *lent.KEY_SET[:3], {**unpublished.material().known[0], "kid": "one"})
    taken = [
        each.forgery.vector
        for each in sent()
        for key in keys
        if each.m is OWN or key.get("kid") == each.kid
        # A second use is as well signed as the first.
        if each.forgery.klass != "J169"
        if is_signed(each.token, key, (str(key.get("alg", "ES256")),))
    ]
    assert not taken


@pytest.mark.parametrize("ident", sorted(GAPS))
def test_a_verifier_with_one_gap_takes_a_forgery_of_that_class(ident: str) -> None:
    assert matrix()[ident].get(ident, 0) > 0, f"{ident} {catalogue.CLASSES[ident].name}: nothing of it got through"


def test_every_class_that_is_sent_has_a_gap_that_it_finds() -> None:
    assert {each.forgery.klass for each in sent()} == GAPS.keys()


def test_the_matrix_that_runs_print_is_the_one_measured_here() -> None:
    """Renew power.json with what `python -m tests.probes.test_power` prints when a class or a gap changes."""
    kept, measured = json.loads(POWER.read_text())["gaps"], matrix()
    assert kept.keys() == measured.keys()
    # What else a gap lets through depends here and there on the octets of a signature; its own class does not.
    assert {ident: kept[ident][ident] for ident in kept} == {ident: measured[ident][ident] for ident in measured}


if __name__ == "__main__":
    command = ("git", "rev-parse", "--short", "HEAD")
    commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    today = datetime.now(UTC).date().isoformat()
    sys.stdout.write(json.dumps({"measured": today, "commit": commit, "gaps": matrix()}, indent=1) + "\n")

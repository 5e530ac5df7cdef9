"""report.html is a view of the record: it adds no fact, drops none, and reads the same every time.

Set TENANTPROOF_APPROVE=1 to renew the golden file after having looked at it.
"""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from tenantproof.model.claims import State
from tenantproof.model.run import Gate
from tenantproof.model.run_text import decode, encode
from tenantproof.model.verdict import Reason, Verdict
from tenantproof.outputs.answers import answers, frameworks
from tenantproof.outputs.heat import heat
from tenantproof.outputs.trend import trend
from tenantproof.outputs.words import bound_words, gate_words, reason_words, state_label, state_words, verdict_word
from tests.outputs.run_samples import IMAGE, drawn, failed, held, hostile, record, unchecked, unproven

GOLDEN = Path(__file__).parent / "golden" / "report.html"


class Reader(HTMLParser):
    """Elements, attributes and text of a page, as a browser takes them apart."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += re.sub(r"\s+", " ", data)


def test_the_report_is_the_one_that_a_person_approved() -> None:
    page = drawn(record())
    if os.environ.get("TENANTPROOF_APPROVE"):
        GOLDEN.write_bytes(page)
    assert page == GOLDEN.read_bytes(), "look at the new report, then renew it with TENANTPROOF_APPROVE=1"


def test_a_stored_record_draws_the_same_report() -> None:
    for made in (record(), hostile()):
        assert drawn(decode(encode(made))) == drawn(made)


def test_it_opens_with_the_gate_the_counts_and_what_has_no_check() -> None:
    head = Reader(drawn(record())).text.split("For the auditor Period")[0]
    assert "Failed: 1 gating claim not satisfied." in head
    for words in ("The run is complete", "1 satisfied", "1 not satisfied", "2 not assessed", "1 has no check yet"):
        assert words in head, words


def test_an_incomplete_run_says_so_and_why_before_anything_else() -> None:
    made = replace(record(), complete=False, incomplete_because="the target went away")
    text = Reader(drawn(made)).text
    assert "INCOMPLETE: the target went away" in text
    assert "The run is complete" not in text


def test_the_auditors_part_comes_before_the_engineers_and_both_before_the_claims() -> None:
    page = drawn(record()).decode()
    order = [
        page.index(f'id="{name}"') for name in ("result", "since", "criteria", "work", "pictures", "claims", "appendix")
    ]
    assert order == sorted(order)


def test_our_answer_comes_from_verdicts_and_the_vendors_stands_beside_it() -> None:
    text = Reader(drawn(record())).text
    assert "Not confirmed: 1 of 4 claims not satisfied, 2 not assessed." in text
    assert "No, by design." in text
    assert "Not tested: no claim of the page bears on it" in text


@pytest.mark.parametrize(
    ("claims", "kind"),
    [((held(),), "held"), ((held(), unchecked()), "open"), ((held(), unproven(), failed()), "failed"), ((), "open")],
)
def test_an_answer_is_as_good_as_its_worst_claim(claims: tuple[object, ...], kind: str) -> None:
    made = replace(record(), claims=claims)
    assert {a.criterion.id: a.word.kind for a in answers(made, "Q")}["Q2"] == kind


def test_a_criterion_that_only_a_claim_names_is_not_dropped() -> None:
    assert "CC6.6" in {answer.criterion.id for answer in answers(record(), "soc2")}


def test_no_fact_of_the_record_is_dropped() -> None:
    made, text = record(), Reader(drawn(record())).text
    facts = [made.id, made.target, made.base_url, made.profile_digest, made.harness, made.sensitivity, "kms: grant"]
    for result in made.claims:
        facts += [result.claim.id, result.claim.says, result.claim.limit, result.claim.tension, result.finding.because]
        facts += [result.finding.check, *result.caught_defects, reason_words(result.finding.reason)]
        for entry in (*result.calibrations, *result.samples, *result.finding.counterexamples):
            seen = entry.observation
            facts += [seen.what, seen.request, seen.response, seen.request_digest, seen.response_digest, seen.probe]
    facts += [made.harness_digest, *made.remarks, "identity, commit", "target changed"]
    for picture in made.pictures:
        facts += [*picture.rows, *picture.columns]
    facts += [value for _, name in made.tenants for value in (name,)] + [f"{n} {v}" for n, v in made.versions.items()]
    assert not [fact for fact in facts if fact not in text]


def test_an_engineer_is_told_the_proof_how_to_repeat_it_and_where_to_look() -> None:
    text = Reader(drawn(record())).text
    work = text[text.index("For the engineer 2 claims") : text.index("Pictures Every trial")]
    assert work.index("QA-2") < work.index("KE-3")
    for words in ("tenantproof replay 4 --target", "It was satisfied in run 20250228T020000Z-0a0b0c: target changed"):
        assert words in work, words
    assert "AG-1" not in work, "nothing was tried, so there is nothing to mend"


def test_a_day_without_a_run_is_seen_and_is_not_green() -> None:
    drawing = trend(record())
    assert (len(drawing.days), drawing.gaps) == (6, 2)
    assert [day.word.kind for day in drawing.days] == ["held", "failed", "none", "none", "held", "failed"]
    assert "2025-02-26: no run" in drawn(record()).decode()


def test_a_picture_has_a_mark_for_every_kind_of_cell() -> None:
    marks = {patch.word.mark for patch in heat(record().pictures[0]).patches}
    assert marks == {"✓", "✗", "?", "·"}


def test_the_states_of_support_access_are_drawn_where_they_were_walked() -> None:
    assert "States of support access: 5 acts refused" in drawn(record()).decode()
    assert "States of support access" not in drawn(replace(record(), steps=())).decode()


def test_a_framework_that_only_a_claim_names_has_its_place() -> None:
    made = replace(record(), frameworks=record().frameworks[:1])
    assert [framework.id for framework, _ in frameworks(made)] == ["Q", "gdpr", "soc2"]


def test_what_is_documentary_is_said_beside_its_criterion() -> None:
    assert "Documentary: Read the contracts." in Reader(drawn(record())).text


def test_a_waiver_is_shown_and_the_verdict_stays() -> None:
    text = Reader(drawn(replace(record(), claims=(failed(waived=True),)))).text
    assert "accepted by security@example.com" in text
    assert "✗ not satisfied" in text


def test_hostile_text_makes_no_element_no_handler_and_no_address() -> None:
    ordinary, page = Reader(drawn(record())), Reader(drawn(hostile()))
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"img", "iframe", "object", "embed", "link", "base", "form"}
    assert tags == {tag for tag, _ in ordinary.elements}
    assert [tag for tag, _ in page.elements].count("script") == 1
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "style"}], tag
        assert attributes.get("href", "#").startswith("#")
    assert IMAGE in page.text
    assert not set("\x00\x1b\u202e\u200b\x85") & set(drawn(hostile()).decode())
    assert len(drawn(hostile())) < 300_000


def test_the_policy_allows_our_one_stylesheet_and_one_script_and_nothing_else() -> None:
    import base64
    import hashlib

    page = drawn(record()).decode()
    policy = next(a["content"] for _, a in Reader(page.encode()).elements if "http-equiv" in a)
    for element in ("style", "script"):
        text = page[page.index(f"<{element}>") + len(element) + 2 : page.index(f"</{element}>")]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    style = page[page.index("<style>") : page.index("</style>")]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "url(" not in style


def test_a_reader_who_can_not_see_finds_the_way() -> None:
    elements = Reader(drawn(record())).elements
    assert ("html", {"lang": "en"}) in elements
    levels = [int(tag[1]) for tag, _ in elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert all(a.get("scope") in {"row", "col"} for tag, a in elements if tag == "th")
    ids = [a["id"] for _, a in elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert not [a["href"] for tag, a in elements if tag == "a" and a["href"][1:] not in ids]
    # A drawing is named by its label, or by the title that is its first child.
    assert all("aria-label" in a or a["role"] == "img" for tag, a in elements if tag == "svg")


def test_every_word_of_the_model_has_words() -> None:
    assert {verdict_word(verdict).text for verdict in Verdict} == {"satisfied", "not satisfied", "not assessed"}
    assert len({verdict_word(verdict).mark for verdict in Verdict}) == 3
    assert all(reason_words(reason) for reason in Reason)
    assert len({state_words(state) for state in State} | {state_label(state) for state in State}) == 6
    assert {gate_words(Gate(exit=code)).kind for code in (1, 3, 130, 99)} == {"failed", "open"}


def test_the_bound_is_told_in_words() -> None:
    assert "60 independent draws without a failure still allow a failure rate of up to 4.9 %" in bound_words(held())
    whole = replace(held(), upper_bound_95=0.0, finding=replace(held().finding, tried=200))
    assert "whole population" in bound_words(whole)
    assert "not assessed" in bound_words(unproven())
    assert "counterexample" in bound_words(failed())


def test_a_run_without_anything_still_draws() -> None:
    empty = replace(record(), claims=(), criteria=(), tenants=(), identity={}, versions={}, capabilities=())
    empty = replace(empty, pictures=(), history=(), steps=(), residue=(), since=None, frameworks=(), remarks=())
    assert "The run has no claims" in Reader(drawn(empty)).text

"""The report says which classes of forgeries are known to be seen, and which are not."""

from __future__ import annotations

from msgspec.structs import replace

from tenantproof.model.power import SCHEMA, ClassPower, Power
from tenantproof.model.run_text import decode, encode
from tenantproof.outputs.report import report_html
from tests.outputs.run_samples import ENEMY, record

POWER = Power(
    schema=SCHEMA,
    measured="2026-01-02",
    commit="abc1234",
    classes=(
        ClassPower(id="J001", name="alg none", violates="RFC 8725 3.1", sent=3, caught_by=("J001", "J012")),
        ClassPower(id="J113", name=ENEMY, violates="RFC 7517 4.2", sent=1),
    ),
    unproven=("J113",),
    not_tried={"J049": "two RS tokens"},
    gaps={"J001": {"J001": 3}, "J012": {"J001": 1}},
)


def test_a_report_names_the_classes_whose_power_is_not_proven() -> None:
    page = report_html(replace(record(), power=POWER))
    assert "4 forged tokens of 2 classes were sent" in page
    assert "Not proven so: J113." in page
    assert "J049 needs two RS tokens" in page
    assert ENEMY not in page


def test_a_run_without_forged_tokens_has_no_such_chapter() -> None:
    assert "broken verifier" not in report_html(record())


def test_the_record_keeps_the_matrix() -> None:
    power = replace(POWER, classes=POWER.classes[:1])
    assert decode(encode(replace(record(), power=power))).power == power

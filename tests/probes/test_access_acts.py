"""The oracle of support access permits the legal path, and no act with a fault or out of its order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenantproof.model.profile import Operation, Support
from tenantproof.probes.access_acts import ACTIVE, OUTLAST, READ, Act, Oracle
from tenantproof.probes.access_bodies import filled, needs_factor
from tenantproof.probes.near_misses import derive

PATH = ("request", "approve", "activate")
STEPS = (*PATH, "challenge", "deny", "withdraw", "revoke")


def support(*steps: str, **more: object) -> Support:
    operations = {step: Operation(method="POST", path=f"/{step}") for step in steps or STEPS}
    return Support(principals={}, operations=operations, max_seconds=60, **more)  # type: ignore[arg-type]  # a test's


def test_the_oracle_permits_every_step_of_the_path_in_its_order() -> None:
    oracle = Oracle(PATH)
    for number, step in enumerate(PATH):
        assert oracle.permits(Act(step), PATH[:number])
    assert oracle.permits(Act(READ), PATH)
    assert oracle.state(PATH) == ACTIVE


@pytest.mark.parametrize("ending", ["deny", "withdraw", "revoke", OUTLAST])
def test_nothing_leads_out_of_a_final_state(ending: str) -> None:
    oracle = Oracle(PATH)
    for length in range(1, 4):
        history = (*PATH[:length], ending)
        if (oracle.state(PATH[:length]), ending) not in oracle.next:
            continue
        assert not any(oracle.permits(Act(step), history) for step in (*PATH, READ, "deny", "withdraw", "revoke"))


def test_the_oracle_permits_no_act_with_a_fault() -> None:
    for miss in derive(support(), ("read", "list", "trail"), has_twin=True):
        assert not Oracle(PATH).permits(miss.act, miss.history), str(miss)


def test_no_near_miss_is_derived_twice_and_each_has_one_fault_or_none_but_its_moment() -> None:
    misses = list(derive(support(), ("read", "list", "trail"), has_twin=True))
    assert len(set(misses)) == len(misses)
    oracle = Oracle(PATH)
    for miss in misses:
        # With a fault, the moment is right; without one, only the moment is wrong.
        assert oracle.permits(replace(miss.act, fault=""), miss.history) is bool(miss.act.fault), str(miss)


def test_another_product_whose_approval_is_the_access_has_near_misses_of_its_own() -> None:
    short = support("request", "approve", "revoke", path=("request", "approve"), bodies={"approve": {"ok": True}})
    assert not needs_factor(short, "approve")
    misses = {str(miss) for miss in derive(short, ("read",), has_twin=False)}
    assert "approve: by whoever asked after request" in misses
    assert "read after request, approve, revoke" in misses
    assert not [miss for miss in misses if "factor" in miss or "digest" in miss or "activate" in miss]


def test_a_placeholder_alone_keeps_its_kind_and_one_within_text_becomes_text() -> None:
    said = {"seconds": "{seconds}", "note": "for {tenant}", "list": ["{id}"]}
    values = {"seconds": 60, "tenant": "acme", "id": "sr_1"}
    assert filled(said, values) == {"seconds": 60, "note": "for acme", "list": ["sr_1"]}

"""What a plan draws is what the checks need to find: subjects with several records, and no two alike elsewhere."""

from __future__ import annotations

from collections import Counter

from venturi.provision.plan import draw


def test_every_subject_of_a_tenant_has_two_records_and_no_other_tenant_has_it() -> None:
    plan = draw(3, deployment="d")
    for tenant in plan.tenants:
        counted = Counter(record.subject for record in tenant.records)
        assert set(counted.values()) == {2}
    subjects = [record.subject for tenant in plan.tenants for record in tenant.records]
    assert len(set(subjects)) == len(subjects) // 2
    canaries = [record.canary for tenant in plan.tenants for record in tenant.records]
    assert len(set(canaries)) == len(canaries)

"""Checks of "Aggregation": consent, residency, de-identification, suppression, differencing, acceptance test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tenantproof.plugin.kit import ABSENT, ALIKE, DIFFERENT, PERMITTED, PRESENT, REFUSED, Ledger, claim
from tenantproof.probes.aggregation import Aggregation, AggregationTrail


@claim("AG-1")
def check_no_tenant_enters_an_aggregation_store(probe: Aggregation, ledger: Ledger) -> None:
    """What many tenants gave is worth more than any one tenant's data; no tenant's login may open it."""
    stores = probe.stores
    for jurisdiction in probe.jurisdictions:
        ledger.calibrate(stores.audited(jurisdiction), is_=PERMITTED)
    for tenant in stores.tenants:
        ledger.calibrate(stores.own(tenant), is_=PERMITTED)
    ledger.population(len(stores.tenants) * len(probe.jurisdictions))
    for jurisdiction in probe.jurisdictions:
        for tenant in stores.tenants:
            ledger.expect(stores.tenant_enters(tenant, jurisdiction), is_=REFUSED)
        way_in = stores.egress_reads(jurisdiction)
        if way_in:
            ledger.expect(way_in, is_=REFUSED)


@claim("AG-2")
def check_nothing_is_contributed_without_consent(probe: Aggregation, ledger: Ledger) -> None:
    """Off until it is switched on; once it is off again, every release is what it would be without the tenant."""
    for tenant in probe.tenants:
        before = probe.run_all()
        ledger.expect(probe.consent(tenant), is_=ABSENT)
        ledger.expect(probe.contribute_uninvited(tenant), is_=REFUSED)
        with contributing(probe, ledger, tenant):
            ledger.calibrate(probe.consent(tenant), is_=PRESENT)
            changed = probe.compare(before, probe.run_all(), why=f"{tenant} contributes", among=probe.jurisdictions)
            ledger.calibrate(changed, is_=DIFFERENT)
        ledger.expect(probe.consent(tenant), is_=ABSENT)
        ledger.expect(probe.contribute_uninvited(tenant), is_=REFUSED)
        after = probe.run_all()
        why = f"{tenant} never contributed, or did and revoked"
        ledger.expect(probe.compare(before, after, why=why, among=probe.jurisdictions), is_=ALIKE)


@claim("AG-2")
def check_consent_and_its_end_stand_in_the_trail(probe: AggregationTrail, ledger: Ledger) -> None:
    """Who opted in and who opted out, and when, must be on record where the tenant can see it."""
    for tenant in probe.tenants:
        ledger.calibrate(probe.never_recorded(tenant), is_=ABSENT)
        given, revoked = probe.give(tenant), probe.revoke(tenant)
        ledger.calibrate(given, is_=PERMITTED)
        ledger.calibrate(revoked, is_=PERMITTED)
        ledger.expect(probe.recorded(tenant, given), is_=PRESENT)
        ledger.expect(probe.recorded(tenant, revoked), is_=PRESENT)


@claim("AG-3")
def check_what_leaves_names_nobody(probe: Aggregation, ledger: Ledger) -> None:
    """A pseudonym that anybody can recompute is a name; so is an id in a column that should hold a channel."""
    for tenant in probe.tenants:
        before = probe.stored()
        with contributing(probe, ledger, tenant):
            names = probe.identifiers(tenant)
            for jurisdiction in probe.jurisdictions:
                known = [member[0] for member in before[jurisdiction] or ()][:1] or [jurisdiction]
                ledger.calibrate(probe.stores.searched("a contributor's hash", jurisdiction, known), is_=PRESENT)
                what = f"anything that names {tenant} or a person of it"
                ledger.expect(probe.stores.searched(what, jurisdiction, names), is_=ABSENT)


@claim("AG-4")
def check_the_pipeline_enters_no_tenants_database(probe: Aggregation, ledger: Ledger) -> None:
    """A pipeline that could read a tenant's store would not need consent; its login must not open one."""
    stores = probe.stores
    for tenant in stores.tenants:
        ledger.calibrate(stores.own(tenant), is_=PERMITTED)
    ledger.population(len(stores.lent()) * len(stores.tenants))
    for jurisdiction in stores.lent():
        ledger.calibrate(stores.pipeline(jurisdiction), is_=PERMITTED)
        for tenant in stores.tenants:
            ledger.expect(stores.pipeline_enters(jurisdiction, tenant), is_=REFUSED)


@claim("AG-5")
def check_no_cohort_under_k_is_published(probe: Aggregation, ledger: Ledger) -> None:
    """What counts is persons: not conversions, and not those whom a contributor knows to be its own."""
    for observation in probe.planted():
        ledger.calibrate(observation, is_=PRESENT)
    for tenant in probe.tenants:
        before = probe.stored()
        with contributing(probe, ledger, tenant):
            came = [probe.stores.arrived(f"{tenant}'s persons", name, before[name]) for name in probe.jurisdictions]
            ledger.expect(probe.persons(tenant, sum(count for _, count in came)), is_=ALIKE)
            for run in probe.run_all().values():
                if run.edition:
                    ledger.expect(probe.small(run), is_=ABSENT)
    for run in probe.run_all().values():
        ledger.calibrate(run.seen, is_=PERMITTED)
        ledger.calibrate(probe.recounted(run), is_=ALIKE)
        ledger.expect(probe.small(run), is_=ABSENT)
        ledger.expect(probe.rolled_up(run), is_=PRESENT)


@claim("AG-6")
def check_no_small_group_follows_from_releases(probe: Aggregation, ledger: Ledger) -> None:
    """A parent less its children, tonight less last night: what is withheld must not be what is left."""
    for observation in probe.planted():
        ledger.calibrate(observation, is_=PRESENT)
    for tenant in probe.tenants:
        before = probe.run_all()
        for run in before.values():
            ledger.calibrate(probe.recounted(run), is_=ALIKE)
            ledger.expect(probe.differing(run), is_=ABSENT)
        with contributing(probe, ledger, tenant):
            during = probe.run_all()
        after = probe.run_all()
        for jurisdiction in probe.jurisdictions:
            released = [each[jurisdiction] for each in (before, during, after) if each[jurisdiction].edition]
            for last in range(1, len(released)):
                ledger.expect(probe.differing(released[last]), is_=ABSENT)
                ledger.expect(probe.moving(released[: last + 1]), is_=ABSENT)


@claim("AG-7")
def check_a_release_that_fails_the_acceptance_test_is_not_made(probe: Aggregation, ledger: Ledger) -> None:
    """A test that has never been seen to stop a release is a document, and no gate."""
    for jurisdiction in probe.jurisdictions:
        made = probe.run(jurisdiction)
        ledger.calibrate(made.seen, is_=PERMITTED)
        ledger.expect(probe.documented(made), is_=PRESENT)
        _, known = probe.newest(jurisdiction)
        for risk in probe.risks:
            ledger.expect(probe.run(jurisdiction, **{risk: 0.0}).seen, is_=REFUSED)
        ledger.expect(probe.unchanged(jurisdiction, known), is_=ALIKE)
        ledger.calibrate(probe.run(jurisdiction).seen, is_=PERMITTED)


@claim("AG-8")
def check_no_tenant_contributes_abroad(probe: Aggregation, ledger: Ledger) -> None:
    """Two stores, two pipelines, two series of releases; nothing of one may be felt in the other."""
    for tenant in probe.tenants:
        home, abroad = probe.home(tenant), probe.abroad(tenant)
        stored, before = probe.stored(), probe.run_all()
        with contributing(probe, ledger, tenant):
            arrived, _ = probe.stores.arrived(f"persons of {tenant} in {home}", home, stored[home])
            ledger.calibrate(arrived, is_=PRESENT)
            after = probe.run_all()
            ledger.calibrate(probe.compare(before, after, why=f"{tenant}, at home", among=[home]), is_=DIFFERENT)
            for other in abroad:
                strayed, _ = probe.stores.arrived(f"persons of {tenant} in {other}", other, stored[other])
                ledger.expect(strayed, is_=ABSENT)
                ledger.expect(probe.foreign_release(tenant, other), is_=REFUSED)
            ledger.expect(probe.compare(before, after, why=f"{tenant}, abroad", among=abroad), is_=ALIKE)
    for jurisdiction in probe.stores.lent():
        for other in probe.jurisdictions:
            if other != jurisdiction:
                ledger.expect(probe.stores.pipeline_crosses(jurisdiction, other), is_=REFUSED)


@contextmanager
def contributing(probe: Aggregation, ledger: Ledger, tenant: str) -> Iterator[None]:
    """The tenant consents and contributes, and revokes at the end, whatever happens in between."""
    ledger.calibrate(probe.give(tenant), is_=PERMITTED)
    try:
        ledger.calibrate(probe.contribute(tenant), is_=PERMITTED)
        yield
    finally:
        ledger.calibrate(probe.revoke(tenant), is_=PERMITTED)

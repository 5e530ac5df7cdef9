"""Isolation primitives: per-tenant resources, not row filters on a shared store."""

from __future__ import annotations

from tenantproof.plugin.kit import ABSENT, ALIKE, DIFFERENT, PERMITTED, PRESENT, REFUSED, Ledger, claim
from tenantproof.probes.isolation_primitives import (
    EventStreams,
    StageA,
    Stores,
    TrailHeads,
    TrailIntegrity,
    TrailReceipts,
    Trails,
    TrailSinks,
    TrailSizes,
)


@claim("ST-1")
def check_no_record_lies_in_another_tenants_database(stores: Stores, ledger: Ledger) -> None:
    """A store filtered by row shows the neighbour's rows to whoever forgets the filter; one's own database can't."""
    for tenant in stores.tenants:
        ledger.calibrate(stores.own_records(tenant), is_=PRESENT)
    ledger.population(2 * len(stores.pairs()))
    for tenant, other in stores.pairs():
        ledger.expect(stores.same_database(tenant, other), is_=ABSENT)
        ledger.expect(stores.foreign_records(tenant, other), is_=ABSENT)


@claim("ST-2")
def check_a_login_opens_its_own_database_alone(stores: Stores, ledger: Ledger) -> None:
    """Credentials leak. What a stolen login opens is what its tenant owns, and not even the server's common rooms."""
    for tenant in stores.tenants:
        ledger.calibrate(stores.enter(tenant, tenant), is_=PERMITTED)
    ledger.population(len(stores.pairs()) + 2 * len(stores.tenants))
    for attacker, victim in stores.pairs():
        ledger.expect(stores.enter(attacker, victim), is_=REFUSED)
    for attacker in stores.tenants:
        for observation in stores.enter_commons(attacker):
            ledger.expect(observation, is_=REFUSED)
    for tenant in stores.tenants:
        ledger.calibrate(stores.enter(tenant, tenant), is_=PERMITTED)


@claim("EV-1")
def check_a_stream_is_open_to_its_own_tenant_alone(streams: EventStreams, ledger: Ledger) -> None:
    """A name that begins like another's is where permissions by prefix leak, and a listing tells who else is there."""
    for tenant in streams.tenants:
        ledger.calibrate(streams.plant(tenant), is_=PERMITTED)
        ledger.calibrate(streams.own_read(tenant), is_=PERMITTED)
        ledger.calibrate(streams.own_group(tenant), is_=PERMITTED)
        ledger.calibrate(streams.own_listing(tenant), is_=PRESENT)
    for seen in streams.own_rights():
        ledger.calibrate(seen, is_=PRESENT)
    ledger.population(streams.units)
    for attacker, victim in streams.pairs:
        for crossing in streams.crossings(attacker, victim):
            ledger.expect(crossing, is_=REFUSED)
        for listing in streams.listings(attacker, victim):
            ledger.expect(listing, is_=ABSENT)
        ledger.expect(streams.foreign_or_absent(attacker, victim), is_=ALIKE)
    for seen in streams.rights_of_others():
        ledger.expect(seen, is_=ABSENT)
    for tenant in streams.tenants:
        ledger.expect(streams.wrong_password(tenant), is_=REFUSED)
        ledger.calibrate(streams.own_read(tenant), is_=PERMITTED)


@claim("RE-1")
def check_stage_a_repeats_itself_and_hears_no_neighbour(stage: StageA, ledger: Ledger) -> None:
    """What a neighbour sends about subjects of the same names must change nothing; one's own touches must."""
    for tenant in stage.tenants:
        ledger.calibrate(stage.resolves(tenant), is_=PERMITTED)
        ledger.calibrate(stage.own_touch(tenant), is_=DIFFERENT)
    ledger.population(2 * len(stage.tenants) + len(stage.pairs))
    for tenant in stage.tenants:
        ledger.expect(stage.again(tenant), is_=ALIKE)
        ledger.expect(stage.reordered(tenant), is_=ALIKE)
    for tenant, neighbour in stage.pairs:
        ledger.expect(stage.beside(tenant, neighbour), is_=ALIKE)
    for tenant in stage.tenants:
        ledger.calibrate(stage.resolves(tenant), is_=PERMITTED)


@claim("AU-1")
def check_a_trail_opens_for_its_own_tenant_alone(trails: Trails, ledger: Ledger) -> None:
    """A trail tells who did what and when, which is worth as much to a neighbour as the records themselves."""
    for tenant in trails.tenants:
        ledger.calibrate(trails.own(tenant), is_=PERMITTED)
    ledger.population(len(trails.pairs) * (1 + trails.proofs) + len(trails.tenants))
    for attacker, victim in trails.pairs:
        ledger.expect(trails.foreign(attacker, victim), is_=REFUSED)
        for attempt in trails.foreign_proofs(attacker, victim):
            ledger.expect(attempt, is_=REFUSED)
    for tenant in trails.tenants:
        ledger.expect(trails.strangers(tenant), is_=ABSENT)
    for tenant in trails.tenants:
        ledger.calibrate(trails.own(tenant), is_=PERMITTED)


@claim("AU-1")
def check_nothing_of_anothers_trail_shows_through(
    sizes: TrailSizes, heads: TrailHeads, trails: Trails, ledger: Ledger
) -> None:
    """How fast a trail grows tells how much business its owner does; its head tells the same to whoever compares."""
    for tenant in trails.tenants:
        ledger.calibrate(trails.own(tenant), is_=PERMITTED)
        ledger.calibrate(sizes.own_growth(tenant), is_=PRESENT)
    ledger.population(2 * len(sizes.ring) + heads.pairs)
    for tenant, other in sizes.ring:
        ledger.expect(sizes.foreign_growth(tenant, other), is_=ABSENT)
        ledger.expect(sizes.foreign_heads(tenant, other), is_=ABSENT)
    for told in heads.tell():
        ledger.expect(told, is_=ABSENT)


@claim("AU-1")
def check_a_trail_is_one_log_that_only_grows(
    log: TrailIntegrity, heads: TrailHeads, trails: Trails, ledger: Ledger
) -> None:
    """A trail that can be edited, cut, begun anew or shown to each reader otherwise proves nothing to its owner."""
    for tenant in log.tenants:
        ledger.calibrate(trails.own(tenant), is_=PERMITTED)
        ledger.calibrate(log.tampered(tenant), is_=DIFFERENT)
    for tenant in log.tenants:
        ledger.expect(log.whole(tenant), is_=ALIKE)
        for shown in log.shown_to_another(tenant):
            ledger.expect(shown, is_=ALIKE)
        for growth in log.grown(tenant):
            ledger.expect(growth, is_=ALIKE)
    for shown in (*heads.stand(), *heads.agree()):
        ledger.expect(shown, is_=ALIKE)


@claim("AU-1")
def check_what_was_answered_stands_in_the_trail_once(acts: TrailReceipts, ledger: Ledger) -> None:
    """A record that comes later, twice, elsewhere or not at all is found by whoever looks for a known act."""
    for tenant in acts.tenants:
        ledger.calibrate(acts.acted(tenant), is_=PERMITTED)
    for tenant, other in acts.ring:
        for operation in acts.operations:
            ledger.expect(acts.at_once(tenant, operation), is_=PRESENT)
        for event in acts.each_once(tenant):
            ledger.expect(event, is_=PRESENT)
        for receipt in acts.receipts(tenant):
            ledger.expect(receipt, is_=ALIKE)
        for elsewhere in acts.nowhere_else(tenant, other):
            ledger.expect(elsewhere, is_=ABSENT)


@claim("AU-1")
def check_a_trail_keeps_no_secret_and_is_not_bent_by_what_it_keeps(sinks: TrailSinks, ledger: Ledger) -> None:
    """A log is read by more people than a database; what a stranger writes into it must stay text, and no token."""
    for tenant in sinks.tenants:
        ledger.calibrate(sinks.sees(tenant), is_=PRESENT)
    for tenant, other in sinks.ring:
        for at in (tenant, other):
            for secret in sinks.spilled(tenant, at):
                ledger.expect(secret, is_=ABSENT)
        for text in sinks.disturbed(tenant):
            ledger.expect(text, is_=ABSENT)
    for log in sinks.logged():
        ledger.expect(log, is_=ABSENT)

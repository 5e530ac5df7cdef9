"""Checks of "Cross-tenant access is rejected, not filtered"."""

from __future__ import annotations

from tenantproof.plugin.kit import ABSENT, ALIKE, DIFFERENT, PERMITTED, PRESENT, REFUSED, Ledger, claim
from tenantproof.probes.cross_tenant import (
    OPERATIONS,
    ClientCertificates,
    CrossTenant,
    CrossTenantTrail,
    Departed,
    Gaps,
    Latency,
    LentLinks,
    Limits,
    Names,
    OverHttp2,
    Rebirth,
    Reconciliation,
    Restoring,
    SharedLinks,
    Sweep,
    Webhooks,
)


@claim("QA-1")
def check_a_token_of_another_tenant_is_refused_as_the_contract_says(probe: CrossTenant, ledger: Ledger) -> None:
    """A filtered answer hides a mistake; a refusal with a code shows it, to both sides."""
    own_access_works(probe, ledger)
    ledger.population(len(probe.units))
    for unit in probe.units:
        attempt = probe.attempt(unit)
        ledger.expect(attempt.access, is_=REFUSED)
        ledger.expect(attempt.wording, is_=ALIKE)
    own_access_works(probe, ledger)


@claim("QA-1")
def check_every_operation_refuses_by_name_however_it_is_asked(probe: Sweep, ledger: Ledger) -> None:
    """One operation that forgot its gate is enough, and so is a write that lands although it was refused."""
    ledger.population(probe.plan.population.size, selection=probe.plan.selection)
    for seen in probe.seen():
        match seen.role:
            case "calibration":
                ledger.calibrate(seen.observation, is_=PERMITTED)
            case "refusal":
                ledger.expect(seen.observation, is_=REFUSED)
            case "state":
                ledger.witness(seen.observation, is_=ABSENT)
            case "leak":
                pass  # of another claim


@claim("QA-2")
def check_no_vector_brings_back_what_is_anothers(probe: Sweep, ledger: Ledger) -> None:
    """Paths, headers, queries, bodies, verbs, cursors, caches and shared connections: a leak in any is a leak."""
    ledger.population(probe.plan.population.size, selection=probe.plan.selection)
    for seen in probe.seen():
        match seen.role:
            case "calibration":
                ledger.calibrate(seen.observation, is_=PERMITTED)
            case "leak":
                ledger.expect(seen.observation, is_=ABSENT)
            case "refusal" | "state":
                pass  # of another claim


@claim("QA-2")
def check_nothing_of_another_tenant_comes_back(
    probe: CrossTenant,
    former: Rebirth,
    streams: OverHttp2,
    shown: ClientCertificates,
    copies: Restoring,
    ledger: Ledger,
) -> None:
    """A refusal with a row in it is no refusal, by whichever HTTP; and a former tenant of a name is another tenant."""
    own_access_works(probe, ledger)
    a_tenant_dies(former, ledger)
    for made in copies.prepare():
        ledger.calibrate(made, is_=PERMITTED)
    ledger.population(len(probe.units) + former.units + streams.units + shown.units + copies.units)
    for unit in probe.units:
        ledger.expect(probe.attempt(unit).leak, is_=ABSENT)
    for tenant in probe.tenants:
        ledger.expect(probe.strangers_in_list(tenant), is_=ABSENT)
    nothing_outlives_it(former, ledger)
    streams_are_kept_apart(streams, ledger)
    a_certificate_goes_with_its_own(shown, ledger)
    what_is_put_back_is_its_owners(copies, ledger)
    own_access_works(probe, ledger)


@claim("QA-2")
def check_a_known_id_is_no_key_and_a_link_opens_one_door(
    probe: CrossTenant, links: LentLinks, shares: SharedLinks, hooks: Webhooks, ledger: Ledger
) -> None:
    """Ids and links leak, into logs and mails; neither must lead to what is another tenant's. Nor must events."""
    own_access_works(probe, ledger)
    links_are_given(links, ledger)
    objects_are_shared(shares, ledger)
    ledger.population(len(probe.pairs) + links.units + shares.units + hooks.units)
    for attacker, victim in probe.pairs:
        for turn in range(probe.records_of(victim)):
            ledger.expect(probe.foreign_id(attacker, victim, turn), is_=REFUSED)
    links_lead_nowhere_else(links, ledger)
    shares_show_nothing_else(shares, ledger)
    with hooks.listening():
        events_go_to_their_own(hooks, ledger)
    own_access_works(probe, ledger)


@claim("QA-2")
def check_existence_can_not_be_inferred(
    probe: CrossTenant, gone: Departed, limits: Limits, names: Names, gaps: Gaps, ledger: Ledger
) -> None:
    """An answer that tells "not yours" from "not there", or "gone" from "never", is an oracle; so is a shared quota."""
    comparison_sees(probe, ledger)
    rows_are_gone(gone, ledger)
    names_are_asked_for(names, ledger)
    ledger.population(len(probe.pairs) + gone.askers + limits.units + names.units + gaps.units)
    for attacker, victim in probe.pairs:
        ledger.expect(probe.foreign_and_random_id(attacker, victim), is_=ALIKE)
        ledger.expect(probe.known_and_unknown_record(attacker, victim), is_=ALIKE)
        for operation in OPERATIONS:
            ledger.expect(probe.known_and_unknown_tenant(attacker, victim, operation), is_=ALIKE)
    for compared in gone.compared():
        ledger.expect(compared, is_=ALIKE)
    for asked in names.compared():
        ledger.expect(asked, is_=ALIKE)
    nobody_counts_anothers(gaps, ledger)
    nobody_uses_up_anothers(limits, ledger)
    comparison_sees(probe, ledger)


@claim("QA-3")
def check_every_attempt_stands_in_both_trails(probe: CrossTenantTrail, ledger: Ledger) -> None:
    """Whoever is attacked must be able to see it, and so must whoever's credentials were used; nobody else."""
    trails_work(probe, ledger)
    ledger.population(len(probe.units))
    for unit in probe.units:
        attempt = probe.attempt(unit)
        for tenant in (unit.attacker, unit.victim):
            ledger.expect(probe.logged(attempt, in_=tenant), is_=PRESENT)
            ledger.expect(probe.spilled(attempt, in_=tenant), is_=ABSENT)
        for tenant in probe.bystanders(attempt):
            ledger.expect(probe.absent(attempt, in_=tenant), is_=ABSENT)
    trails_work(probe, ledger)


@claim("QA-2")
def check_time_tells_nothing_of_what_is_there(probe: Latency, names: Names, own: CrossTenant, ledger: Ledger) -> None:
    """An answer that takes longer because a record or a name exists tells of it as surely as one that says so."""
    own_access_works(own, ledger)
    contrasts = (*probe.contrasts(), *names.contrasts())
    ledger.population(len(contrasts))
    for contrast in contrasts:
        ledger.expect(probe.compare(contrast, tests=len(contrasts)), is_=ALIKE)
    own_access_works(own, ledger)


@claim("QA-3")
def check_trails_and_requests_tell_the_same(
    probe: Reconciliation, sweep: Sweep, own: CrossTenantTrail, ledger: Ledger
) -> None:
    """Each request has exactly its records, in the trails that it concerns and no others, and no secret in them."""
    trails_work(own, ledger)
    probe.compare(sweep)
    ledger.population(sweep.plan.population.size, selection=sweep.plan.selection)
    for observation in probe.own_records(own.tenants):
        ledger.calibrate(observation, is_=PRESENT)
    for observation in probe.records():
        ledger.expect(observation, is_=PRESENT)
    for observation in (*probe.strays(own.tenants), *probe.secrets(own.tenants)):
        ledger.expect(observation, is_=ABSENT)
    for observation in (*probe.counts(own.tenants), *probe.receipts(own.tenants)):
        ledger.expect(observation, is_=ALIKE)
    trails_work(own, ledger)


@claim("QA-3")
def check_an_attempt_is_told_with_its_whole_context(probe: CrossTenantTrail, ledger: Ledger) -> None:
    """A record can't be followed up that leaves out where from, what or how much, or lets the attacker choose it."""
    trails_work(probe, ledger)
    ledger.population(len(probe.units) + len(probe.pairs))
    for unit in probe.units:
        ledger.expect(probe.context(probe.attempt(unit)), is_=PRESENT)
    for attacker, victim in probe.pairs:
        ledger.expect(probe.chosen_source(attacker, victim), is_=ABSENT)


def own_access_works(probe: CrossTenant, ledger: Ledger) -> None:
    """Show that a refusal means something: every tenant gets at its own."""
    for tenant in probe.tenants:
        ledger.calibrate(probe.read(probe.record_of(tenant), as_=tenant), is_=PERMITTED)
        ledger.calibrate(probe.own_list(tenant), is_=PERMITTED)


def links_are_given(links: LentLinks, ledger: Ledger) -> None:
    """Show that there are links to make others of, and that they lead to what is the tenant's own."""
    for tenant in links.tenants:
        ledger.calibrate(links.give(tenant), is_=PERMITTED)
    for tenant in links.mortal:
        ledger.calibrate(links.give_briefly(tenant), is_=PERMITTED)


def links_lead_nowhere_else(links: LentLinks, ledger: Ledger) -> None:
    """Whatever is made of a link is refused, while the link itself goes on working; and so is the link in the end."""
    for attacker, victim in links.holding:
        for crossing in links.crossings(attacker, victim):
            ledger.expect(crossing, is_=REFUSED)
    for tenant in links.holders:
        for more in links.stretched(tenant):
            ledger.expect(more, is_=REFUSED)
        ledger.calibrate(links.follow(tenant), is_=PERMITTED)
    for tenant in links.survivors:
        for dead in links.outlived(tenant):
            ledger.expect(dead, is_=REFUSED)


def objects_are_shared(shares: SharedLinks, ledger: Ledger) -> None:
    """Show that whoever holds a link is shown the object that it is of."""
    for tenant in shares.tenants:
        ledger.calibrate(shares.give(tenant), is_=PERMITTED)
        for seen in shares.pass_by(tenant):
            ledger.calibrate(seen, is_=PERMITTED)


def shares_show_nothing_else(shares: SharedLinks, ledger: Ledger) -> None:
    """Nothing of another is shared, and no link shows more than its own object, nor that when it is taken back."""
    for attacker, victim in shares.holding:
        for crossing in shares.crossings(attacker, victim):
            ledger.expect(crossing, is_=REFUSED)
    for tenant in shares.holders:
        for stray in shares.strays(tenant):
            ledger.expect(stray, is_=REFUSED)
        ledger.calibrate(shares.follow(tenant), is_=PERMITTED)
        ledger.calibrate(shares.revoke(tenant), is_=PERMITTED)
        ledger.expect(shares.revoked(tenant), is_=REFUSED)
    for tenant in shares.passing:
        ledger.calibrate(shares.delete(tenant), is_=PERMITTED)
        ledger.expect(shares.deleted(tenant), is_=REFUSED)


def events_go_to_their_own(hooks: Webhooks, ledger: Ledger) -> None:
    """Show that every tenant's events arrive; then none is with another, nor can be had sent again by another."""
    for tenant in hooks.tenants:
        ledger.calibrate(hooks.register(tenant), is_=PERMITTED)
    for tenant in hooks.tenants:
        ledger.calibrate(hooks.own_event(tenant), is_=PERMITTED)
    hooks.settle()
    for attacker, victim in hooks.pairs:
        ledger.expect(hooks.crossing(attacker, victim), is_=REFUSED)
        for seen in hooks.replayed(attacker, victim):
            ledger.expect(seen, is_=REFUSED)


def streams_are_kept_apart(streams: OverHttp2, ledger: Ledger) -> None:
    """Show, before and after, that HTTP/2 brings everybody its own; whatever a header list says, nobody else's."""
    for tenant in streams.tenants:
        ledger.calibrate(streams.own(tenant), is_=PERMITTED)
    for attacker, victim in streams.pairs:
        for attempt in streams.attempts(attacker, victim):
            ledger.expect(attempt, is_=ABSENT)
    for tenant in streams.tenants:
        ledger.calibrate(streams.own(tenant), is_=PERMITTED)


def a_certificate_goes_with_its_own(shown: ClientCertificates, ledger: Ledger) -> None:
    """Show, before and after, that everybody's own certificate lets in; another's, or one like it, does not."""
    for tenant in shown.tenants:
        ledger.calibrate(shown.own(tenant), is_=PERMITTED)
        for bound in shown.bound(tenant):
            ledger.calibrate(bound, is_=PRESENT)
    for attacker, victim in shown.pairs:
        for crossing in shown.crossings(attacker, victim):
            ledger.expect(crossing, is_=REFUSED)
    for tenant in shown.tenants:
        for stray in shown.strays(tenant):
            ledger.expect(stray, is_=REFUSED)
        ledger.calibrate(shown.own(tenant), is_=PERMITTED)


def what_is_put_back_is_its_owners(copies: Restoring, ledger: Ledger) -> None:
    """Show that everybody's export is put back; nobody else is touched by it."""
    for tenant in copies.tenants:
        ledger.calibrate(copies.still(tenant), is_=ALIKE)
        for seen in copies.restore(tenant):
            ledger.calibrate(seen, is_=PERMITTED)
        for unmoved in copies.others(tenant):
            ledger.expect(unmoved, is_=ALIKE)
        for strange in copies.foreign(tenant):
            ledger.expect(strange, is_=ABSENT)
    nothing_of_anothers_is_put_back(copies, ledger)


def nothing_of_anothers_is_put_back(copies: Restoring, ledger: Ledger) -> None:
    """Show that states stand still; then another's export is refused, and nothing of it is written anywhere."""
    for attacker, victim in copies.pairs:
        for still in (copies.still(attacker), copies.still(victim)):
            ledger.calibrate(still, is_=ALIKE)
        for seen in copies.handed_in(attacker, victim):
            ledger.expect(seen, is_=REFUSED)
        for unwritten in copies.unwritten(attacker, victim):
            ledger.witness(unwritten, is_=ALIKE)
        for unmoved in copies.renamed(attacker, victim):
            ledger.expect(unmoved, is_=ALIKE)


def a_tenant_dies(former: Rebirth, ledger: Ledger) -> None:
    """Show that it lived before it was deleted."""
    for seen in (*former.live(former.first), *former.die()):
        ledger.calibrate(seen, is_=PERMITTED)


def nothing_outlives_it(former: Rebirth, ledger: Ledger) -> None:
    """Nobody is let in any more; and another tenant under the same name finds nothing, and is not found."""
    for seen in former.after_death():
        ledger.expect(seen, is_=REFUSED)
    for seen in former.live(former.second):
        ledger.calibrate(seen, is_=PERMITTED)
    for seen in former.of_the_former():
        ledger.expect(seen, is_=REFUSED)
    for own in former.own_rows():
        ledger.calibrate(own, is_=PRESENT)
    for others in former.rows_of_the_former():
        ledger.expect(others, is_=ABSENT)


def rows_are_gone(gone: Departed, ledger: Ledger) -> None:
    """Show that what will be asked for was there, and is no more."""
    for seen in gone.there():
        ledger.calibrate(seen, is_=PRESENT)
    for seen in gone.go():
        ledger.calibrate(seen, is_=PERMITTED)


def names_are_asked_for(names: Names, ledger: Ledger) -> None:
    """Show that questions by a name are answered, that an own name is seen to be taken, and that nobody's are alike."""
    for own in names.answered():
        ledger.calibrate(own, is_=PERMITTED)
    for taken in names.conflicts():
        ledger.calibrate(taken, is_=DIFFERENT)
    for nobodys in names.strangers():
        ledger.calibrate(nobodys, is_=ALIKE)


def nobody_counts_anothers(gaps: Gaps, ledger: Ledger) -> None:
    """Show that objects are made; their ids are no further apart the more others are made."""
    for tenant in gaps.tenants:
        ledger.calibrate(gaps.makes(tenant), is_=PERMITTED)
    for attacker, victim in gaps.pairs:
        ledger.expect(gaps.compared(attacker, victim), is_=ALIKE)


def nobody_uses_up_anothers(limits: Limits, ledger: Ledger) -> None:
    """Show that there is a limit that one tenant reaches; nobody else may meet it."""
    for tenant in limits.tenants:
        # What earlier checks sent is no other tenant's doing.
        limits.rest()
        ledger.calibrate(limits.exhausted(tenant), is_=PERMITTED)
        for other in limits.others(tenant):
            ledger.expect(limits.spared(tenant, other), is_=PERMITTED)
    if limits.tenants:
        limits.rest()


def comparison_sees(probe: CrossTenant, ledger: Ledger) -> None:
    """Show that the comparison tells apart what differs, and takes for alike what does not."""
    for tenant in probe.tenants:
        ledger.calibrate(probe.read(probe.record_of(tenant), as_=tenant), is_=PERMITTED)
        ledger.calibrate(probe.own_and_random_id(tenant), is_=DIFFERENT)
        ledger.calibrate(probe.two_strangers(tenant), is_=ALIKE)


def trails_work(probe: CrossTenantTrail, ledger: Ledger) -> None:
    """Show that every tenant's trail can be read, and that an event is found when and only when it is there."""
    for tenant in probe.tenants:
        ledger.calibrate(probe.own_read_in_trail(tenant), is_=PRESENT)
        ledger.calibrate(probe.nothing_in_trail(tenant), is_=ABSENT)

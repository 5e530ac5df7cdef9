"""Support access is break-glass only: asked for, approved, proven, short, recorded, and told."""

from __future__ import annotations

from tenantproof.plugin.kit import ABSENT, PERMITTED, PRESENT, REFUSED, Ledger, claim
from tenantproof.probes.support_access import (
    Mutations,
    NearMisses,
    Races,
    Residue,
    StandingAccess,
    SupportAccess,
)


@claim("SU-1")
def check_without_a_grant_support_reads_nothing(desk: SupportAccess, ledger: Ledger) -> None:
    """Standing access is access that nobody has to ask for: the same token reads under a grant and not without."""
    for tenant in desk.tenants:
        case, other = desk.case(tenant), desk.other_than(tenant)
        ledger.expect(case.read(grant=""), is_=REFUSED)
        ledger.expect(case.read(), is_=REFUSED)
        for step in case.legal_path():
            ledger.calibrate(step, is_=PERMITTED)
        ledger.calibrate(case.read(), is_=PERMITTED)
        ledger.expect(case.read(grant=""), is_=REFUSED)
        ledger.expect(case.read(at=other), is_=REFUSED)
        ledger.expect(case.read(as_=desk.people[1]), is_=REFUSED)
        ledger.calibrate(case.revoke(), is_=PERMITTED)
        ledger.expect(case.read(), is_=REFUSED)


@claim("SU-2")
def check_nobody_but_the_tenant_approves(desk: SupportAccess, ledger: Ledger) -> None:
    """An approval gate is enforced when every way round it is closed: no approval, one's own, a stranger's, a no."""
    tenant = desk.tenants[0]
    case = desk.case(tenant)
    ledger.calibrate(case.ask(), is_=PERMITTED)
    ledger.expect(case.activate(), is_=REFUSED)
    ledger.expect(case.approve_oneself(), is_=REFUSED)
    ledger.expect(case.approve(by=desk.other_than(tenant)), is_=REFUSED)
    ledger.expect(case.approve(digest="sha256:" + "0" * 64), is_=REFUSED)
    ledger.expect(case.activate(), is_=REFUSED)
    ledger.expect(case.read(), is_=REFUSED)
    ledger.calibrate(case.approve(), is_=PERMITTED)
    ledger.calibrate(case.activate(), is_=PERMITTED)
    ledger.calibrate(case.read(), is_=PERMITTED)
    ledger.calibrate(case.revoke(), is_=PERMITTED)
    denied = desk.case(tenant)
    ledger.calibrate(denied.ask(), is_=PERMITTED)
    ledger.calibrate(denied.deny(), is_=PERMITTED)
    ledger.expect(denied.approve(), is_=REFUSED)
    ledger.expect(denied.activate(), is_=REFUSED)
    ledger.expect(denied.read(), is_=REFUSED)


@claim("SU-3")
def check_access_ends_by_itself(desk: SupportAccess, ledger: Ledger) -> None:
    """A box has two walls: nobody gets more time than the limit, and the time that was given runs out."""
    tenant = desk.tenants[0]
    case = desk.brief_case(tenant)
    for step in case.legal_path():
        ledger.calibrate(step, is_=PERMITTED)
    ledger.calibrate(case.read(), is_=PERMITTED)
    ledger.expect(desk.overlong(tenant), is_=REFUSED)
    ledger.expect(desk.outlast(case), is_=REFUSED)
    ledger.expect(case.activate(), is_=REFUSED)
    ledger.expect(case.read(), is_=REFUSED)


@claim("SU-4")
def check_every_step_needs_its_own_second_factor(desk: SupportAccess, ledger: Ledger) -> None:
    """A second factor counts for one person, one step and one case, once; so does a code, and a security key."""
    tenant = desk.tenants[0]
    case, elsewhere = desk.case(tenant), desk.case(tenant)
    ledger.calibrate(case.ask(), is_=PERMITTED)
    ledger.expect(case.approve(mfa=False), is_=REFUSED)
    ledger.expect(case.approve(verb="activate"), is_=REFUSED)
    ledger.calibrate(case.approve(), is_=PERMITTED)
    for step in (elsewhere.ask(), elsewhere.approve()):
        ledger.calibrate(step, is_=PERMITTED)
    used = case.challenge("activate", None)
    ledger.expect(case.activate(mfa=False), is_=REFUSED)
    ledger.expect(case.activate(signer=desk.people[1], challenge=used), is_=REFUSED)
    ledger.expect(desk.replayed(case, used), is_=REFUSED)
    ledger.expect(case.activate(verb="approve"), is_=REFUSED)
    ledger.expect(case.activate(of=elsewhere), is_=REFUSED)
    ledger.expect(case.read(), is_=REFUSED)
    ledger.calibrate(case.activate(), is_=PERMITTED)
    ledger.calibrate(case.read(), is_=PERMITTED)
    for opened in (case, elsewhere):
        ledger.calibrate(opened.revoke(), is_=PERMITTED)
    others = desk.others
    for holder in others.holders:
        case, other = others.case(holder), others.case(holder)
        for step in (case.ask(), other.ask(), others.approve(other, holder)):
            ledger.calibrate(step, is_=PERMITTED)
        for miss in others.near_misses(case, other, holder):
            ledger.expect(miss, is_=REFUSED)
        for step in (others.approve(case, holder), case.revoke(), other.revoke()):
            ledger.calibrate(step, is_=PERMITTED)


@claim("SU-5")
def check_every_access_is_in_the_tenants_trail(desk: SupportAccess, ledger: Ledger) -> None:
    """What the tenant can't read about did not happen as far as it knows; what others can read about is a leak."""
    for tenant in desk.tenants:
        case, other = desk.case(tenant), desk.other_than(tenant)
        for step in case.legal_path():
            ledger.calibrate(step, is_=PERMITTED)
        for read in (case.read(), case.read()):
            ledger.calibrate(read, is_=PERMITTED)
        for name in ("request", "approve", "activate", "read"):
            ledger.expect(desk.recorded(case, name, tenant), is_=PRESENT)
            ledger.expect(desk.recorded(case, name, other), is_=ABSENT)
        ledger.expect(desk.recorded_once(case, "read"), is_=PRESENT)
        ledger.calibrate(case.revoke(), is_=PERMITTED)
        for attempt, name in ((case.read, "read"), (case.activate, "activate"), (case.approve, "approve")):
            ledger.calibrate(attempt(), is_=REFUSED)
            ledger.expect(desk.recorded(case, name, tenant), is_=PRESENT)


@claim("SU-6")
def check_the_tenant_is_told_before_the_first_byte(desk: SupportAccess, ledger: Ledger) -> None:
    """A notice that comes after the access comes too late to stop it."""
    # Twice at one tenant, or a notice a day would do.
    for tenant in (*desk.tenants, desk.tenants[0]):
        case, other = desk.case(tenant), desk.other_than(tenant)
        ledger.expect(desk.told(case, tenant), is_=ABSENT)
        for step in case.legal_path():
            ledger.calibrate(step, is_=PERMITTED)
        ledger.expect(desk.told(case, tenant), is_=PRESENT)
        ledger.expect(desk.told(case, other), is_=ABSENT)
        ledger.calibrate(case.read(), is_=PERMITTED)
        ledger.calibrate(case.revoke(), is_=PERMITTED)


@claim("SU-1")
def check_nobody_of_support_has_access_that_stands(standing: StandingAccess, ledger: Ledger) -> None:
    """Everybody of support, at every tenant, by every route, in the databases and at the keys."""
    for seen in standing.calibrations():
        ledger.calibrate(seen, is_=PERMITTED)
    ledger.population(standing.population)
    for seen in standing.tries():
        ledger.expect(seen, is_=REFUSED)
    for seen in (*standing.logins(), *standing.keys(), *standing.roles(), *standing.streams()):
        ledger.expect(seen, is_=ABSENT)


@claim("SU-1")
def check_nothing_is_left_of_a_revoked_access(residue: Residue, races: Races, ledger: Ledger) -> None:
    """Whatever was made under a grant dies with it, also while it is being used."""
    for seen in residue.open(brief=False):
        ledger.calibrate(seen, is_=PERMITTED)
    revoked, *uses = residue.after_revocation()
    ledger.calibrate(revoked, is_=PERMITTED)
    for seen in (*uses, races.revoke_during_use(), races.activate_and_revoke()):
        ledger.expect(seen, is_=REFUSED)


@claim("SU-3")
def check_nothing_is_left_of_an_access_that_ran_out(residue: Residue, ledger: Ledger) -> None:
    """The end comes for everything that was made under a grant, and no step leads past it."""
    for seen in residue.open(brief=True):
        ledger.calibrate(seen, is_=PERMITTED)
    for seen in residue.after_expiry():
        ledger.expect(seen, is_=REFUSED)


@claim("SU-2")
def check_of_two_answers_at_once_one_counts(races: Races, ledger: Ledger) -> None:
    """Two people, or one who clicks twice, must not get more than was approved once."""
    for seen in races.legal():
        ledger.calibrate(seen, is_=PERMITTED)
    for _ in range(races.rounds):
        for seen in (races.approve_twice(), races.activate_twice(), races.approve_and_deny()):
            ledger.expect(seen, is_=REFUSED)


@claim("SU-4")
def check_of_two_uses_of_a_challenge_at_once_one_counts(races: Races, ledger: Ledger) -> None:
    """A challenge is used up by whoever presents it first."""
    for seen in races.legal():
        ledger.calibrate(seen, is_=PERMITTED)
    for _ in range(races.rounds):
        ledger.expect(races.one_challenge_twice(), is_=REFUSED)
    ledger.expect(races.challenge_lasts(), is_=REFUSED)


@claim("SU-2")
def check_no_changed_field_opens_the_gate(mutations: Mutations, ledger: Ledger) -> None:
    """What a client says about its own request is not an approval."""
    _change("SU-2", mutations, ledger)


@claim("SU-3")
def check_no_changed_field_lengthens_access(mutations: Mutations, ledger: Ledger) -> None:
    """A time is a whole number of seconds within the limit, whatever is sent."""
    _change("SU-3", mutations, ledger)


@claim("SU-4")
def check_no_changed_field_passes_for_a_second_factor(mutations: Mutations, ledger: Ledger) -> None:
    """Every octet of a second factor counts."""
    _change("SU-4", mutations, ledger)


@claim("SU-1")
def check_no_single_fault_lends_access(misses: NearMisses, ledger: Ledger) -> None:
    """A missing guard shows when nothing else stands in the way: without its one fault, the same act works."""
    _hold("SU-1", misses, ledger)


@claim("SU-2")
def check_no_single_fault_opens_the_gate(misses: NearMisses, ledger: Ledger) -> None:
    """Every step out of its order, by the wrong person, or for another request than the one that was seen."""
    _hold("SU-2", misses, ledger)


@claim("SU-3")
def check_no_single_fault_lengthens_access(misses: NearMisses, ledger: Ledger) -> None:
    """What was begun once can't be begun again, or the clock starts anew."""
    _hold("SU-3", misses, ledger)


@claim("SU-4")
def check_no_single_fault_passes_for_a_second_factor(misses: NearMisses, ledger: Ledger) -> None:
    """A factor that is right in all but one respect is as good as none."""
    _hold("SU-4", misses, ledger)


def _hold(claim_id: str, misses: NearMisses, ledger: Ledger) -> None:
    """Live through the near misses of a claim: the path before, the act, what it left behind, the act done right."""
    for lived in misses.of(claim_id):
        for step in lived.legal:
            ledger.calibrate(step, is_=PERMITTED)
        ledger.expect(lived.tried, is_=lived.expected)
        for read in lived.after:
            ledger.expect(read, is_=REFUSED)
        for step in lived.repaired:
            ledger.calibrate(step, is_=PERMITTED)


def _change(claim_id: str, mutations: Mutations, ledger: Ledger) -> None:
    """Send the legal requests, each with one field changed, between two legal paths that must work."""
    for step in mutations.legal():
        ledger.calibrate(step, is_=PERMITTED)
    for seen in mutations.of(claim_id):
        ledger.expect(seen, is_=REFUSED)
    for step in mutations.legal():
        ledger.calibrate(step, is_=PERMITTED)

"""Per-tenant keys: the key is the tenant's, and the vendor may use it for two things."""

from __future__ import annotations

from itertools import combinations

from tenantproof.plugin.kit import ABSENT, PERMITTED, PRESENT, REFUSED, Ledger, claim
from tenantproof.probes.per_tenant_keys import DeepErasure, EncryptedStores, Erasure, KeyReach, RacedErasure, TenantKeys


@claim("KE-1")
def check_every_tenant_has_a_key_of_its_own(keys: TenantKeys, ledger: Ledger) -> None:
    """A key that two tenants share, or that lies in the vendor's account, is nobody's own."""
    pairs = list(combinations(keys.tenants, 2))
    for tenant in keys.tenants:
        ledger.calibrate(keys.readable(tenant), is_=PRESENT)
    ledger.population(len(keys.tenants) + len(pairs))
    for tenant in keys.tenants:
        ledger.expect(keys.in_own_account(tenant), is_=PRESENT)
    for one, other in pairs:
        ledger.expect(keys.same_key(one, other), is_=ABSENT)


@claim("KE-1")
def check_a_tenants_key_is_out_of_everybody_elses_reach(reach: KeyReach, ledger: Ledger) -> None:
    """A key that a stranger or another tenant may use is shared, whoever's it is; so is one behind a moved alias."""
    for tenant in reach.tenants:
        ledger.calibrate(reach.read(tenant), is_=PRESENT)
    ledger.population(sum(len(reach.others(tenant)) + bool(tenant.key_alias) for tenant in reach.tenants))
    for tenant in reach.tenants:
        for principal in reach.others(tenant):
            ledger.expect(reach.reaches(tenant, principal), is_=ABSENT)
        if tenant.key_alias:
            ledger.expect(reach.alias_in_place(tenant), is_=PRESENT)


@claim("KE-1")
def check_nobody_else_has_used_a_tenants_key(reach: KeyReach, ledger: Ledger) -> None:
    """What nobody may do today somebody may have been able to do yesterday: the owner's trail remembers it."""
    for tenant in reach.tenants:
        ledger.calibrate(reach.trail_shows(tenant), is_=PRESENT)
    ledger.population(len(reach.tenants))
    for tenant in reach.tenants:
        ledger.expect(reach.used_by_others(tenant), is_=ABSENT)


@claim("KE-3")
def check_the_vendor_has_done_nothing_but_what_its_workload_may(reach: KeyReach, ledger: Ledger) -> None:
    """The trails, the tenant's and the vendor's, show every call that was carried out, and by whom."""
    for tenant in reach.tenants:
        ledger.calibrate(reach.trail_shows(tenant), is_=PRESENT)
    ledger.population(len(reach.tenants))
    for tenant in reach.tenants:
        ledger.expect(reach.used_beyond(tenant), is_=ABSENT)


@claim("KE-3")
def check_nobody_of_the_vendor_could_come_to_more(reach: KeyReach, ledger: Ledger) -> None:
    """What one could give oneself one has: by a grant, a policy, a role, a fresh credential, in any number of steps."""
    for tenant in reach.tenants:
        ledger.calibrate(reach.read(tenant), is_=PRESENT)
    ledger.population(len(reach.tenants) * (len(reach.vendors()) + 1))
    for tenant in reach.tenants:
        for principal in reach.vendors():
            ledger.expect(reach.exceeds(tenant, principal), is_=ABSENT)
        ledger.expect(reach.grants_in_order(tenant), is_=PRESENT)


@claim("KE-3")
def check_the_workload_holds_two_actions_on_paper(keys: TenantKeys, ledger: Ledger) -> None:
    """Policy and grants together are what the vendor may do; every action of KMS is asked after, not a chosen few."""
    for tenant in keys.tenants:
        ledger.calibrate(keys.readable(tenant), is_=PRESENT)
        for action in keys.allowed:
            ledger.calibrate(keys.holds(tenant, action), is_=PRESENT)
    ledger.population(len(keys.tenants) * len(keys.actions))
    for tenant in keys.tenants:
        for action in keys.allowed:
            ledger.expect(keys.holds_elsewhere(tenant, action), is_=ABSENT)
        for action in keys.forbidden:
            ledger.expect(keys.could_hold(tenant, action), is_=ABSENT)


@claim("KE-3")
def check_the_workload_is_refused_everything_else_live(keys: TenantKeys, ledger: Ledger) -> None:
    """Paper is patient: the workload's own credentials have to meet the refusal."""
    for tenant in keys.tenants:
        ledger.calibrate(keys.round_trip(tenant), is_=PERMITTED)
        for attempt in keys.live(tenant):
            ledger.expect(attempt, is_=REFUSED)
        ledger.expect(keys.without_context(tenant), is_=REFUSED)
        ledger.calibrate(keys.round_trip(tenant), is_=PERMITTED)


@claim("KE-2")
def check_every_store_is_encrypted_under_its_tenants_key(stores: EncryptedStores, ledger: Ledger) -> None:
    """A default is what a store does unless asked otherwise; so it is asked otherwise as well."""
    for tenant in stores.tenants:
        ledger.calibrate(stores.database_is_there(tenant), is_=PRESENT)
        ledger.calibrate(stores.bucket_is_there(tenant), is_=PRESENT)
    for tenant in stores.tenants:
        ledger.expect(stores.database_under_own_key(tenant), is_=PRESENT)
        ledger.expect(stores.bucket_under_own_key(tenant), is_=PRESENT)
    for tenant in stores.writable:
        ledger.calibrate(stores.right_put(tenant), is_=PERMITTED)
        for put in stores.wrong_puts(tenant):
            ledger.expect(put, is_=REFUSED)
        ledger.calibrate(stores.right_put(tenant), is_=PERMITTED)


@claim("ER-1")
def check_nothing_is_read_once_the_tenants_key_is_gone(erasure: Erasure, ledger: Ledger) -> None:
    """A disabled key stops every reader but erases nothing; only a key on its way out may be certified."""
    row = erasure.plant()
    for seen in (erasure.read(row), erasure.listed(row), erasure.unwrap(), erasure.disable()):
        ledger.calibrate(seen, is_=PERMITTED)
    for reading in (erasure.read(row), erasure.listed(row), erasure.unwrap()):
        ledger.expect(reading, is_=REFUSED)
    ledger.expect(erasure.certified(), is_=ABSENT)
    ledger.calibrate(erasure.restore(), is_=PERMITTED)
    ledger.calibrate(erasure.read(row), is_=PERMITTED)
    ledger.calibrate(erasure.schedule(), is_=PERMITTED)
    for reading in (erasure.read(row), erasure.listed(row), erasure.unwrap()):
        ledger.expect(reading, is_=REFUSED)
    ledger.expect(erasure.certified(), is_=PRESENT)
    ledger.calibrate(erasure.restore(), is_=PERMITTED)
    ledger.calibrate(erasure.read(row), is_=PERMITTED)


@claim("ER-2")
def check_one_subject_is_erased_and_nobody_else(erasure: Erasure, ledger: Ledger) -> None:
    """The erased subject's content has to be gone while its row still answers; the bystander's has to stay."""
    erased, bystander = erasure.plant(), erasure.plant()
    for row in (erased, bystander):
        ledger.calibrate(erasure.content(row), is_=PRESENT)
    ledger.calibrate(erasure.shred(erased), is_=PERMITTED)
    ledger.expect(erasure.content(erased), is_=ABSENT)
    ledger.expect(erasure.content(bystander), is_=PRESENT)
    ledger.expect(erasure.write_again(erased), is_=REFUSED)
    ledger.expect(erasure.content(erased), is_=ABSENT)
    ledger.calibrate(erasure.content(bystander), is_=PRESENT)


@claim("ER-2")
def check_what_is_under_way_during_an_erasure_does_not_outlive_it(erasure: RacedErasure, ledger: Ledger) -> None:
    """A write in flight can bring a data key back, or leave it where the next page of a listing finds it."""
    bystander = erasure.bystander()
    for writers in erasure.widths:
        ledger.calibrate(erasure.content(bystander), is_=PRESENT)
        erased, rows = erasure.race(writers)
        ledger.calibrate(erased, is_=PERMITTED)
        for row in rows:
            ledger.expect(erasure.shown(row), is_=ABSENT)
            ledger.expect(erasure.content(row), is_=ABSENT)
        ledger.expect(erasure.write_again(rows[0]), is_=REFUSED)
    ledger.calibrate(erasure.content(bystander), is_=PRESENT)


@claim("ER-1")
def check_a_key_out_of_use_stops_exports_too_and_its_end_is_certified(erasure: DeepErasure, ledger: Ledger) -> None:
    """A reader that nobody thought of reads on; a certificate signed by nobody, or with one date, proves little."""
    row = erasure.plant()
    ledger.calibrate(erasure.exported(row), is_=PRESENT)
    ledger.calibrate(erasure.disable(), is_=PERMITTED)
    ledger.expect(erasure.exported(row), is_=REFUSED)
    ledger.calibrate(erasure.restore(), is_=PERMITTED)
    erasure.wait()
    ledger.calibrate(erasure.schedule(), is_=PERMITTED)
    ledger.expect(erasure.exported(row), is_=REFUSED)
    ledger.expect(erasure.certificate(), is_=PRESENT)
    ledger.calibrate(erasure.restore(), is_=PERMITTED)
    ledger.calibrate(erasure.read(row), is_=PERMITTED)


@claim("ER-2")
def check_a_subjects_key_opens_in_its_own_place_alone(erasure: DeepErasure, ledger: Ledger) -> None:
    """A wrapped key that opens under another subject's name is that subject's too, and outlives the erasure of one."""
    row, other = erasure.plant(), erasure.plant()
    ledger.calibrate(erasure.in_place(row), is_=PERMITTED)
    for attempt in erasure.out_of_place(row, other):
        ledger.expect(attempt, is_=REFUSED)
    ledger.calibrate(erasure.in_place(row), is_=PERMITTED)


@claim("ER-2")
def check_a_subject_is_certified_erased_when_no_reader_is_left(erasure: DeepErasure, ledger: Ledger) -> None:
    """Links, exports, the trail, the database's own files: what still tells the content holds a certificate back."""
    row = erasure.plant()
    bystanders = erasure.neighbours(row)
    for each in (row, *bystanders):
        ledger.calibrate(erasure.content(each), is_=PRESENT)
    for seen in erasure.streamed(row):
        ledger.calibrate(seen, is_=PERMITTED)
    for seen in erasure.seen_in_files(row):
        ledger.calibrate(seen, is_=PRESENT)
    ledger.expect(erasure.shred_while_linked(), is_=REFUSED)
    for left in erasure.left_in_files(row):
        ledger.expect(left, is_=ABSENT)
    erasure.wait()
    ledger.calibrate(erasure.shred(row), is_=PERMITTED)
    ledger.expect(erasure.certificate(row), is_=PRESENT)
    ledger.calibrate(erasure.shred_again(row), is_=PERMITTED)
    ledger.expect(erasure.exported(row), is_=ABSENT)
    ledger.expect(erasure.in_the_trail(row), is_=ABSENT)
    for each in bystanders:
        ledger.expect(erasure.content(each), is_=PRESENT)
    ledger.expect(erasure.exported(bystanders[0]), is_=PRESENT)


@claim("KE-4")
def check_every_key_is_rotated_yearly(keys: TenantKeys, ledger: Ledger) -> None:
    """A key that nobody rotates is rotated never; the period is read from the key itself."""
    for tenant in keys.tenants:
        ledger.calibrate(keys.readable(tenant), is_=PRESENT)
    ledger.population(len(keys.tenants))
    for tenant in keys.tenants:
        ledger.expect(keys.rotates(tenant), is_=PRESENT)

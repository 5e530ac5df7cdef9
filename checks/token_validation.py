"""Checks of "Token validation"."""

from __future__ import annotations

from collections.abc import Sequence

from tenantproof.plugin.kit import ABSENT, ALIKE, DIFFERENT, PERMITTED, PRESENT, REFUSED, Ledger, claim
from tenantproof.probes.token_validation import KeyRotation, Presented, TokenForge, TokenForgeTrail


@claim("TK-1")
def check_issuer_audience_expiry_and_signature_are_verified_first(probe: TokenForge, ledger: Ledger) -> None:
    """A claim is worth what the signature over it is; a token for somebody else or of yesterday is no token at all."""
    genuine_tokens_do(probe, ledger)
    for tenant in probe.tenants:
        ledger.calibrate(probe.lending(tenant), is_=PERMITTED)
    # Made first, for the short-lived ones do not wait.
    unfit = len(probe.edited) + len(probe.issued) + len(probe.for_elsewhere)
    short_lived = probe.short_lived()
    ledger.population(unfit + 2 * len(short_lived) + probe.reuses)
    for short in short_lived:
        ledger.calibrate(probe.before_its_end(short), is_=PERMITTED)
    refused_between_good_tokens(probe, ledger, probe.issued)
    for seen in probe.leeway():
        ledger.calibrate(seen, is_=PERMITTED)
    used_for_once(probe, ledger)
    for token in probe.for_elsewhere:
        ledger.expect(probe.show(token), is_=REFUSED)
    for block in probe.blocks(probe.edited):
        for seen in probe.show_each(block):
            ledger.expect(seen, is_=REFUSED)
        ledger.calibrate(probe.still_genuine(block), is_=PERMITTED)
    for short in short_lived:
        for seen in probe.after_its_end(short):
            ledger.expect(seen, is_=REFUSED)
    genuine_tokens_do(probe, ledger)


@claim("TK-2")
def check_no_forgery_is_taken_for_genuine(probe: TokenForge, ledger: Ledger) -> None:
    """Whoever can forge a token is every tenant at once."""
    genuine_tokens_do(probe, ledger)
    with probe.listening():
        ledger.population(len(probe.forged) + len(probe.by_lent_keys) + len(probe.addressed) + len(probe.tenants))
        refused_between_good_tokens(probe, ledger, probe.by_lent_keys)
        for seen in probe.published_keys():
            ledger.expect(seen, is_=ABSENT)
        for block in probe.blocks(probe.forged):
            for seen in probe.show_each(block):
                ledger.expect(seen, is_=REFUSED)
            ledger.calibrate(probe.still_genuine(block), is_=PERMITTED)
        for seen in probe.fetched():
            ledger.expect(seen, is_=ABSENT)
    ledger.calibrate(probe.coverage(probe.tenants[0]), is_=PERMITTED)
    ledger.calibrate(probe.spellings(probe.tenants[0]), is_=PERMITTED)
    genuine_tokens_do(probe, ledger)


@claim("TK-2")
def check_what_was_verified_before_does_not_lend_its_name(probe: TokenForge, ledger: Ledger) -> None:
    """A cache of verified tokens that looks at half a token makes the other half anybody's."""
    ledger.population(sum(probe.twins(tenant) for tenant in probe.tenants))
    for tenant in probe.tenants:
        ledger.calibrate(probe.genuine(tenant), is_=PERMITTED)
        for seen in probe.after_genuine(tenant):
            ledger.expect(seen, is_=REFUSED)
        ledger.calibrate(probe.genuine(tenant), is_=PERMITTED)


@claim("TK-2")
def check_a_key_that_was_withdrawn_vouches_for_nobody(probe: KeyRotation, ledger: Ledger) -> None:
    """A key is withdrawn because somebody else may have it."""
    ledger.calibrate(probe.without(probe.tenants[0]), is_=PERMITTED)
    for seen in (*probe.renewed(), *probe.left()):
        ledger.calibrate(seen, is_=PERMITTED)
    ledger.population(probe.trials)
    ledger.expect(probe.never_published(probe.tenants[0]), is_=REFUSED)
    for seen in probe.withdrawn():
        ledger.expect(seen, is_=REFUSED)
    for seen in probe.current():
        ledger.calibrate(seen, is_=PERMITTED)


@claim("TK-3")
def check_the_answer_to_a_forgery_does_not_depend_on_its_tenant(probe: TokenForge, ledger: Ledger) -> None:
    """If it did, the tenant would have been taken from a token that nobody vouches for."""
    genuine_tokens_do(probe, ledger)
    ledger.population(probe.plain_forgeries + 1)
    for tenant in probe.tenants:
        ledger.calibrate(probe.own_path_and_anothers(tenant), is_=DIFFERENT)
        for token in probe.claiming(tenant):
            ledger.expect(probe.show(token), is_=REFUSED)
        for seen in (*probe.own_and_other_name(tenant), *probe.somebody_and_nobody(tenant)):
            ledger.expect(seen, is_=ALIKE)
    ledger.expect(probe.time_taken(), is_=ALIKE)
    genuine_tokens_do(probe, ledger)


@claim("TK-3")
def check_a_forgery_leaves_nothing_in_the_trail_of_its_tenant(probe: TokenForgeTrail, ledger: Ledger) -> None:
    """A trail that blames a tenant for what was forged in its name has bound the tenant too early."""
    ledger.population(probe.plain_forgeries)
    for tenant in probe.tenants:
        ledger.calibrate(probe.genuine_in_trail(tenant), is_=PRESENT)
        for token in probe.claiming(tenant):
            ledger.expect(probe.named_in_trail(token), is_=ABSENT)
        ledger.calibrate(probe.genuine_in_trail(tenant), is_=PRESENT)


def refused_between_good_tokens(probe: TokenForge, ledger: Ledger, tokens: Sequence[Presented]) -> None:
    """Show what was made with lent keys, between good tokens by the same keys that are valid for the same time."""
    for seen in probe.lent_key():
        ledger.calibrate(seen, is_=PERMITTED)
    for seen in probe.show_each(tokens):
        ledger.expect(seen, is_=REFUSED)
    for seen in probe.lent_key():
        ledger.calibrate(seen, is_=PERMITTED)


def used_for_once(probe: TokenForge, ledger: Ledger) -> None:
    """Use tokens that are for one use: each once with success and then again, and some several times at once."""
    for first, again in probe.used_twice():
        ledger.calibrate(first, is_=PERMITTED)
        ledger.expect(again, is_=REFUSED)
    for seen in probe.used_at_once():
        ledger.expect(seen, is_=REFUSED)


def genuine_tokens_do(probe: TokenForge, ledger: Ledger) -> None:
    """Show that a refusal means something: every tenant's genuine token opens its own path."""
    for tenant in probe.tenants:
        ledger.calibrate(probe.genuine(tenant), is_=PERMITTED)

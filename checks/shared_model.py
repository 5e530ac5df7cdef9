"""The model is shared; calibration and thresholds are each tenant's own."""

from __future__ import annotations

from itertools import permutations

from tenantproof.plugin.kit import ABSENT, ALIKE, DIFFERENT, PERMITTED, Ledger, claim
from tenantproof.probes.shared_model import ModelTraining, SharedModel


@claim("MO-1")
def check_all_tenants_are_served_by_the_same_weights(model: SharedModel, ledger: Ledger) -> None:
    """A digest can be recited; so the weights are compared, and the scores that they give under equal settings."""
    for tenant in model.tenants:
        ledger.calibrate(model.scores(tenant), is_=PERMITTED)
        ledger.calibrate(model.own_settings(tenant), is_=DIFFERENT)
    ledger.population(2 * len(model.pairs))
    for one, other in model.pairs:
        ledger.expect(model.same_weights(one, other), is_=ALIKE)
        ledger.expect(model.same_scores(one, other), is_=ALIKE)


@claim("MO-2")
def check_one_tenants_settings_do_not_move_anothers_scores(model: SharedModel, ledger: Ledger) -> None:
    """One's own settings have to move one's own scores, or standing still would prove nothing."""
    neighbours = list(permutations(model.tenants, 2))
    for tenant in model.tenants:
        ledger.calibrate(model.own_settings(tenant), is_=DIFFERENT)
    ledger.population(len(neighbours))
    for tenant, neighbour in neighbours:
        ledger.expect(model.neighbours_settings(tenant, neighbour), is_=ALIKE)


@claim("MO-3")
def check_no_tenants_data_move_the_weights_without_its_consent(training: ModelTraining, ledger: Ledger) -> None:
    """The same records move the weights once their owner consents; so that they don't before is no accident."""
    ledger.population(2 * len(training.tenants))
    for tenant in training.tenants:
        before = training.trained()
        ledger.calibrate(training.trains(before), is_=PERMITTED)
        ledger.calibrate(training.add_data(tenant), is_=PERMITTED)
        after = training.trained()
        ledger.expect(training.moved(before, after, why=f"{tenant} has new data", tenant=tenant), is_=ALIKE)
        ledger.expect(training.names(after, tenant), is_=ABSENT)
    willing = training.tenants[0]
    alone = training.trained()
    ledger.calibrate(training.give(willing), is_=PERMITTED)
    ledger.calibrate(training.contribute(willing), is_=PERMITTED)
    ledger.calibrate(training.moved(alone, training.trained(), why=f"{willing} contributes them"), is_=DIFFERENT)
    ledger.calibrate(training.revoke(willing), is_=PERMITTED)

"""The profile's [aggregation]: how tenants consent and contribute, how releases are made, and who audits a store.

The module is imported as a whole, and its annotations are read late, so that it and `profile` can name each other.
"""

from __future__ import annotations

import msgspec

from tenantproof.model import profile


class AggregationStore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One jurisdiction's aggregation store, and the logins to it that are lent to the harness.

    `members` is a statement for the auditor that gives (source, person, channel, month) of everybody who counts in the
    next release, once each.
    """

    auditor: profile.Database
    pipeline: profile.Database | None = None
    egress: profile.Database | None = None
    members: str = "SELECT DISTINCT source, person, channel, month FROM contributions WHERE purpose = 'benchmarks'"


class Aggregation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The aggregation pipeline as its API shows it.

    `operations`: state, give, revoke, contribute (with {tenant}); releases, release (with {id}) and run, with
    {jurisdiction}; train, which has the shared model trained. `principal` is the tenants' principal that may consent;
    `operator` the vendor's that may run the pipeline and train. `refusals`: `consent`, `release` and `absent`.
    `identifying` are members of a record that name somebody.
    """

    operations: dict[str, profile.Operation]
    refusals: dict[str, profile.Refusal]
    operator: profile.Principal
    stores: dict[str, AggregationStore]
    principal: str = "approver"
    purpose: str = "benchmarks"
    scope: tuple[str, ...] = ("channel", "month")
    k: int = 5
    risks: tuple[str, ...] = ("prosecutor", "marketer", "dominance")
    identifying: tuple[str, ...] = ("id", "subject_id", "touchpoint", "conversion", "note")
    subject: str = "subject_id"

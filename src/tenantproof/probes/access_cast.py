"""Who plays in a case of support access: whoever asks, a colleague, the tenant's people, another tenant's."""

from __future__ import annotations

from dataclasses import dataclass

from tenantproof.clients.target import Target
from tenantproof.model.errors import UsageError
from tenantproof.model.legal_path import ACTORS
from tenantproof.model.profile import Principal, Support, Tenant

TWIN = "twin"
"""Name of a tenant's principal: an approver's account of the very human being who asks for support access."""


@dataclass(frozen=True)
class Someone:
    """Somebody who can act: a name for the record, the principal, and the tenant unless it is the vendor's."""

    name: str
    principal: Principal
    tenant: Tenant | None = None


class Cast:
    """The people of one case about `tenant`; `other` is a tenant that it does not concern."""

    def __init__(self, target: Target, tenant: Tenant, other: Tenant) -> None:
        self.target, self.tenant, self.other = target, tenant, other
        self.support = support_of(target)
        names = sorted(self.support.principals)
        self.asker, self.colleague = (self._vendors(name) for name in names[:2])
        self.approver = self._tenants(tenant, "approver")
        self.stranger = self._tenants(other, "approver")
        self.reader = self._tenants(tenant, "reader")
        self.twin = self._tenants(tenant, TWIN) if TWIN in tenant.principals else None

    def bearer(self, who: Someone) -> str:
        """A genuine token. Raises TargetError or UsageError."""
        return self.target.tokens.bearer(who.principal, who.name)

    def actor(self, step: str) -> Someone:
        """Who takes a step on the legal path."""
        return self.approver if role_of(self.support, step) == "approver" else self.asker

    def counterpart(self, who: Someone) -> Someone:
        """Who plays the same part elsewhere: a colleague of whoever asks, another tenant's approver."""
        return self.colleague if who.tenant is None else self.stranger

    def opposite(self, who: Someone) -> Someone:
        """Who is on the other side of the same case."""
        return self.approver if who.tenant is None else self.asker

    def _vendors(self, name: str) -> Someone:
        return Someone(name, self.support.principals[name])

    def _tenants(self, tenant: Tenant, name: str) -> Someone:
        return Someone(f"{tenant.id}, {name}", self.target.principal(tenant.id, name), tenant)


def role_of(support: Support, step: str) -> str:
    """Who takes a step: "asker" or "approver"."""
    return support.actors.get(step, ACTORS.get(step, "asker"))


def support_of(target: Target) -> Support:
    """The profile's [support]. Raises UsageError without it, or with fewer than two people in it."""
    support = target.profile.support
    if support is None or len(support.principals) < 2:
        raise UsageError("the checks of support access need two people in [support.principals]; lend a second one")
    return support


def audited_tenants(target: Target) -> tuple[Tenant, ...]:
    """The tenants that can approve. Raises UsageError when there are fewer than two."""
    tenants = tuple(tenant for tenant in target.profile.tenants if "approver" in tenant.principals)
    if len(tenants) < 2:
        raise UsageError('the checks of support access need two tenants with a principal "approver"')
    return tenants
